"""What a body says beside a plain result: go on later, try again, give up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from squidie_core.authoring.durations import Duration, milliseconds
from squidie_core.dataclass import dataclass
from squidie_core.errors import OptionError, SquidieError


@dataclass(frozen=True, slots=True)
class Defer:
    """Returned by a body: run this step again `after` this long, without spending its retry budget.

    `reason` is a sentence or a mapping of plain values, kept in the run's history.
    Raises OptionError for a duration that is none.
    """

    reason: str | Mapping[str, Any]
    after: Duration

    def __post_init__(self) -> None:
        _delay(self.after, "Defer")

    @property
    def delay(self) -> int:
        """`after` in milliseconds."""
        return milliseconds(self.after)


class RetryStep(SquidieError):
    """Raised by a body: this attempt failed and the step's policy may try again.

    `after` takes the place of the policy's pause; it makes no retry where the policy makes none.
    """

    default_code: ClassVar[str] = "step_error"

    def __init__(
        self,
        reason: str,
        *,
        after: Duration | None = None,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(reason, code=code, details=details)
        self.reason = reason
        self.delay: int | None = None if after is None else _delay(after, "RetryStep")
        """`after` in milliseconds."""


class FailStep(SquidieError):
    """Raised by a body: this step failed for good; it is not retried."""

    default_code: ClassVar[str] = "step_error"

    def __init__(self, reason: str, *, code: str | None = None, details: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason, code=code, details=details)
        self.reason = reason


def _delay(after: Duration, what: str) -> int:
    try:
        return milliseconds(after)
    except ValueError as problem:
        raise OptionError(f"{what}(after=...) {problem}", details={"option": "after"}) from None
