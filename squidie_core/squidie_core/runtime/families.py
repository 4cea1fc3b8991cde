"""Ending a run with everything that came from it."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from squidie_core import decisions
from squidie_core.decisions import ManualCommand
from squidie_core.errors import InvalidTransitionError, NotFoundError, StorageError
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState

_AT_ONCE = 100


def cancel_family(store: RunStore, run_id: str, command: ManualCommand, *, compensate: bool | None) -> RunState:
    """Cancel the run, unless it was before, and then every run that came from it and has not ended.

    Each by a commit of its own, parents first: who is cancelled starts no more. Runs that have ended, or undo what they
    did and will end, are left alone, but not those that came from them. Repeating it does the rest. Gives the run's
    state. Raises as a cancellation does, and the first StorageError of a run that cannot be read, after all others.
    """

    def decide(draft: decisions.Draft) -> None:
        if not _is_cancelled(draft.state):
            decisions.cancel(draft, command, compensate=compensate)

    cancel_child = partial(_cancel, store, command=command, compensate=compensate)
    root, _ = store.change(run_id, decide)
    _wake(store, root)
    unreadable: list[StorageError] = []
    seen = {run_id}
    waiting = _children(root)
    while waiting:
        fresh = [child for child in dict.fromkeys(waiting) if child not in seen]
        seen.update(fresh)
        waiting = list[str]()
        for first in range(0, len(fresh), _AT_ONCE):
            for found in store.states(fresh[first : first + _AT_ONCE]).values():
                if isinstance(found, StorageError):
                    unreadable.append(found)
                else:
                    waiting += _children(found if found.terminal else cancel_child(found))
    if unreadable:
        raise unreadable[0]
    return root


def _is_cancelled(state: RunState) -> bool:
    return state.status == "cancelled" or (state.rollback is not None and state.rollback.status == "cancelled")


def _cancel(store: RunStore, state: RunState, *, command: ManualCommand, compensate: bool | None) -> RunState:
    """The run's state when it starts no more, or as it is where it ends by itself."""

    def decide(draft: decisions.Draft) -> None:
        if not draft.state.terminal and (draft.state.rollback is None or compensate is False):
            decisions.cancel(draft, command, compensate=compensate)

    with suppress(NotFoundError, InvalidTransitionError):
        state, _ = store.change(state.run_id, decide)
        _wake(store, state)
    return state


def _wake(store: RunStore, state: RunState) -> None:
    if not state.terminal:
        store.wake(state.queue, 1)


def _children(state: RunState) -> list[str]:
    return [child.run_id for child in state.children]
