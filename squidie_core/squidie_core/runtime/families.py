"""Ending a run with everything that came from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice

from squidie_core import decisions
from squidie_core.decisions import ManualCommand
from squidie_core.errors import InvalidTransitionError, NotFoundError, StorageError
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState

_AT_ONCE = 100


def cancel_descendants(store: RunStore, parent: RunState, command: ManualCommand) -> None:
    """Cancel every run that came from this one and has not ended, each by a commit of its own, parents first.

    The parent is over, so it starts no more. Runs that have ended are left alone, but not those that came from them.
    Repeating it does the rest. Raises the first StorageError of a run that cannot be read, after all others are done.
    """
    unreadable: list[StorageError] = []
    seen = {parent.run_id}
    waiting = _children(parent)
    while waiting:
        later: list[str] = []
        for run_ids in _pages([run_id for run_id in dict.fromkeys(waiting) if run_id not in seen]):
            seen.update(run_ids)
            for found in store.states(run_ids).values():
                if isinstance(found, StorageError):
                    unreadable.append(found)
                else:
                    later += _children(found if found.terminal else _cancel(store, found, command))
        waiting = later
    if unreadable:
        raise unreadable[0]


def _cancel(store: RunStore, state: RunState, command: ManualCommand) -> RunState:
    """The run's state at its end."""

    def decide(draft: decisions.Draft) -> None:
        if not draft.state.terminal:
            decisions.cancel(draft, command)

    with suppress(NotFoundError, InvalidTransitionError):
        return store.change(state.run_id, decide)[0]
    return state


def _children(state: RunState) -> list[str]:
    return [child.run_id for child in state.children]


def _pages(run_ids: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(run_ids)
    while page := list(islice(rest, _AT_ONCE)):
        yield page
