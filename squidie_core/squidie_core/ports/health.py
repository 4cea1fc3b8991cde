"""The health port: an optional power of a storage that can say how its tables and files do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from squidie_core.dataclass import dataclass
from squidie_core.journal.entries import Json

FindingStatus: TypeAlias = Literal["ok", "warn", "fail"]
"""`warn`: somebody should look at it some time. `fail`: something is wrong now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. `hint` says what to do where it is not ok; `details` is the same for programs."""

    check: str
    status: FindingStatus
    message: str
    hint: str = ""
    details: Mapping[str, Json] = field(default_factory=dict[str, Json])

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "check": self.check,
            "status": self.status,
            "message": self.message,
            "hint": self.hint,
            "details": dict(self.details),
        }


@runtime_checkable
class Diagnosable(Protocol):
    """A storage that knows more about its own health than the storage port can tell."""

    def health(self) -> Sequence[Finding]:
        """Look at bloat, maintenance and settings, one finding for each check, those that are ok too.

        Changes nothing and waits for no lock. Takes about as long as a few round trips, however much is stored. What
        the store's role may not see is said in a finding and is no error. Raises Unavailable as every method does.
        """
        ...
