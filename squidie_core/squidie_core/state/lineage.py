"""The runs that a run's steps have started, by step and key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TypeVar

from squidie_core.dataclass import dataclass, record
from squidie_core.journal.entries import ChildStatus, Json

T = TypeVar("T")


@record(frozen=True, slots=True)
class ChildState:
    """One run that a step started, and what its parent knows of its end."""

    run_id: str
    workflow: str
    trigger: str
    step: str
    """The parent's step that started it."""
    child_key: str
    runnable_key: str
    payload_digest: str
    started_at: int
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json])
    status: ChildStatus | None = None
    """How it ended, once its parent has learned of it."""
    output: Mapping[str, Json] | None = None
    error: Mapping[str, Json] | None = None
    ended_at: int | None = None


@dataclass(slots=True)
class Children:
    """The children of one run. `live` knows those whose end the parent has not recorded, without a search."""

    by_step: dict[str, dict[str, ChildState]] = field(default_factory=dict[str, dict[str, ChildState]])
    _live: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def __iter__(self) -> Iterator[ChildState]:
        for children in self.by_step.values():
            yield from children.values()

    def get(self, step: str, child_key: str) -> ChildState | None:
        """The child that the step started under this key."""
        return self.by_step.get(step, {}).get(child_key)

    def of(self, step: str) -> Mapping[str, ChildState]:
        """The step's children by key."""
        return self.by_step.get(step, {})

    def live(self, step: str) -> Mapping[str, str]:
        """The ids of the step's children whose end is not recorded, by key."""
        return self._live.get(step, {})

    def put(self, child: ChildState) -> None:
        """Take the child in, in place of what was known of it."""
        self.by_step.setdefault(child.step, {})[child.child_key] = child
        if child.status is None:
            self._live.setdefault(child.step, {})[child.child_key] = child.run_id
        else:
            _remove(self._live, child.step, child.child_key)

    def drop(self, step: str, child_key: str) -> None:
        """Forget the child."""
        _remove(self.by_step, step, child_key)
        _remove(self._live, step, child_key)


def _remove(table: dict[str, dict[str, T]], step: str, child_key: str) -> None:
    children = table.get(step, {})
    children.pop(child_key, None)
    if not children:
        table.pop(step, None)
