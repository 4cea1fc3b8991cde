"""The one tree of errors that Squidie raises; each has a stable code, JSON-safe details and a next step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from squidie_core.dataclass import dataclass

Outcome = Literal["none", "unknown"]


def near(word: str, known: Iterable[str]) -> str | None:
    """The known word that was probably meant."""
    from difflib import get_close_matches  # noqa: PLC0415  # only mistakes need it

    matches = get_close_matches(word, list(known), 1)
    return matches[0] if matches else None


class SquidieBlockingWarning(RuntimeWarning):
    """A method that waits for the store was called where an event loop runs, which stands still meanwhile."""


class SquidieError(Exception):
    """Squidie could not do what was asked."""

    default_code: ClassVar[str] = "error"

    def __init__(
        self, message: str | None = None, *, code: str | None = None, details: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message or (type(self).__doc__ or "").partition("\n")[0])
        self.code = code or self.default_code
        self.details: Mapping[str, Any] = details or {}

    @property
    def message(self) -> str:
        """What was wrong and what to do."""
        return str(self.args[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with a definition: a stable code, where, what, and code to paste that mends it."""

    code: str
    place: str
    message: str
    hint: str = ""
    source: str = ""
    """`file:line` of the declaration, or empty when there is none."""


class DefinitionError(SquidieError):
    """A workflow definition has problems; `problems` lists all of them."""

    default_code = "invalid_definition"

    def __init__(self, workflow: str, problems: Sequence[Problem]) -> None:
        self.workflow = workflow
        self.problems = tuple(problems)
        lines = [f"{workflow}: {len(problems)} problem{'s' * (len(problems) != 1)} in the workflow definition"]
        for number, problem in enumerate(problems, 1):
            source = f"  {problem.source}" if problem.source else ""
            lines.append(f"  {number}. {problem.place}  [{problem.code}]{source}")
            lines.append(f"     {problem.message}")
            if problem.hint:
                lines.append(f"     hint: {problem.hint}")
        super().__init__(
            "\n".join(lines),
            details={"problems": [{"code": p.code, "place": p.place, "message": p.message} for p in problems]},
        )


class PayloadError(SquidieError):
    """The payload does not satisfy the trigger's contract."""

    default_code = "invalid_payload"


class EncodingError(SquidieError):
    """A value cannot be stored as JSON; `details["path"]` says which."""

    default_code = "not_encodable"


class OptionError(SquidieError):
    """An option has a value that cannot be used."""

    default_code = "invalid_option"


class NotFoundError(SquidieError):
    """There is no run with this id in this store and namespace."""

    default_code = "not_found"


class PurgedError(NotFoundError):
    """The run has ended and was purged; that it was there is remembered for a while.

    `workflow`, `status` and `start_digest`, which tells starts apart, are what is left of it.
    """

    default_code = "purged"

    def __init__(
        self,
        message: str | None = None,
        *,
        workflow: str = "",
        status: str = "",
        start_digest: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, details=details)
        self.workflow = workflow
        self.status = status
        self.start_digest = start_digest


class ConflictError(SquidieError):
    """The request contradicts what is already recorded."""

    default_code = "conflict"


class InvalidTransitionError(SquidieError):
    """The run is not in a state that allows this."""

    default_code = "invalid_transition"


class UnsafeReplayError(SquidieError):
    """The run has completed steps that cannot be undone; `details["steps"]` lists them and their recovery policies."""

    default_code = "unsafe_replay"


class DynamicWorkError(SquidieError):
    """The dynamic work cannot be added; `details["field"]` and `details["reason"]` say what is wrong with it."""

    default_code = "invalid_dynamic_work"


class PluginError(SquidieError):
    """A plugin is missing or broken."""

    default_code = "plugin"


class LeaseError(SquidieError):
    """The lease is not held."""

    default_code = "lease"


class StorageError(SquidieError):
    """The store could not do what was asked."""

    default_code = "storage"


class Unavailable(StorageError):
    """The store cannot be reached or did not answer in time; nothing is lost, try again."""

    default_code = "unavailable"

    def __init__(
        self,
        message: str | None = None,
        *,
        outcome: Outcome = "none",
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message, code=code, details={**(details or {}), "outcome": outcome})
        self.outcome: Outcome = outcome
        """`none`: the request had no effect. `unknown`: it took effect wholly or not at all."""


class Corrupt(StorageError):
    """What the store holds for this run cannot be read."""

    default_code = "corrupt"


class UnknownVersion(StorageError):
    """The run was written by a newer Squidie than this one; upgrade this process."""

    default_code = "unknown_version"


class NotSupported(StorageError):
    """This store does not declare the capability that is needed."""

    default_code = "not_supported"


class TransactionAborted(ConflictError, StorageError):
    """The host's transaction cannot go on: roll it back, and do all of it again."""

    default_code = "transaction_aborted"


class TooLarge(StorageError):
    """A value or a commit is larger than the store takes."""

    default_code = "too_large"


class SchemaError(StorageError):
    """The store's schema is missing or outside the versions this client works with; run `squidie migrate`."""

    default_code = "schema"
