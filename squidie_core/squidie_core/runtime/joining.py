"""Looking at the children that waiting runs wait for: which of them have ended, and with what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from squidie_core.dataclass import record
from squidie_core.decisions.children import OUTPUT_TOO_LARGE, EndedChild
from squidie_core.definition.step_rules import RESERVED
from squidie_core.errors import StorageError, UnknownVersion
from squidie_core.journal.codec import to_json
from squidie_core.journal.entries import ChildStatus, Json
from squidie_core.journal.values import MAX_VALUE_BYTES
from squidie_core.ports.storage import HeadStatus, Tombstone
from squidie_core.runtime.store import RunStore
from squidie_core.state import RunState

MOST_AT_ONCE = 100
"""How many ended children of one run are read at a time."""
MOST_BYTES = 512 * 1024
"""How much their outputs may take in one append."""
MOST_BYTES_BEFORE = 64 * 1024
"""How much they may take in the append that also plans what follows, whose inputs want room."""
_HEADS_AT_ONCE = 500
_ENDED = ("completed", "failed", "cancelled")


@record(frozen=True, slots=True)
class ChildNews:
    """Children that have ended. `again`: there are more than one append takes."""

    ended: list[EndedChild]
    again: bool


@record(frozen=True, slots=True)
class _Awaited:
    """A child whose parent does not know that it has ended, if it has."""

    step: str
    child_key: str
    run_id: str


def look_at_children(store: RunStore, states: Mapping[str, RunState | StorageError]) -> dict[str, ChildNews]:
    """What is new for those of these runs that wait for children, by run id.

    Costs a round trip for every few hundred of their children, until so many are found that have ended as one append
    takes, and another for these.
    """
    waiting = {
        run_id: list(_awaited(state))
        for run_id, state in states.items()
        if isinstance(state, RunState) and state.joins and not state.terminal
    }
    if not waiting:
        return {}
    heads: dict[str, HeadStatus] = {}
    over: dict[str, list[_Awaited]] = {run_id: [] for run_id in waiting}
    left = [(run_id, child) for run_id, children in waiting.items() for child in children]
    more: set[str] = set()
    while left:
        asked = left[:_HEADS_AT_ONCE]
        heads.update(store.storage.heads([child.run_id for _, child in asked]))
        for run_id, child in asked:
            if _is_over(heads.get(child.run_id)):
                over[run_id].append(child)
        more |= {run_id for run_id, _ in left[_HEADS_AT_ONCE:] if len(over[run_id]) >= MOST_AT_ONCE}
        left = [item for item in left[_HEADS_AT_ONCE:] if item[0] not in more]
    taken = {run_id: children[:MOST_AT_ONCE] for run_id, children in over.items()}
    ended = _ended(store, [child for children in taken.values() for child in children], heads)
    return {
        run_id: _news(
            [ended[child.run_id] for child in children if child.run_id in ended],
            again=run_id in more or len(children) < len(over[run_id]),
        )
        for run_id, children in taken.items()
    }


def _awaited(state: RunState) -> Iterator[_Awaited]:
    for step in dict.fromkeys(state.runnables[key].step for key in state.joins):
        for child_key, run_id in state.children.live(step).items():
            yield _Awaited(step, child_key, run_id)


def _is_over(head: HeadStatus | None) -> bool:
    """Whether nothing more is to be expected of the child, though it may be that it is gone."""
    return head is None or head.status in _ENDED or head.quarantine_reason is not None


def _ended(store: RunStore, children: list[_Awaited], heads: Mapping[str, HeadStatus]) -> dict[str, EndedChild]:
    """How they ended, by their ids; one that only a newer worker can read is left to that."""
    gone = [child.run_id for child in children if child.run_id not in heads]
    left: Mapping[str, Tombstone] = store.storage.tombstones(gone) if gone else {}
    there = [child.run_id for child in children if child.run_id in heads]
    states = store.states(there) if there else {}
    found: dict[str, EndedChild] = {}
    for child in children:
        head, state = heads.get(child.run_id), states.get(child.run_id)
        if head is None:
            found[child.run_id] = _forgotten(child, left.get(child.run_id))
        elif isinstance(state, RunState) and state.terminal:
            found[child.run_id] = _over(child, state)
        elif head.quarantine_reason is not None:
            why = "its journal cannot be read, and it was taken out of its queue"
            found[child.run_id] = _without_output(child, "quarantined", "quarantined", why)
        elif isinstance(state, StorageError) and not isinstance(state, UnknownVersion):
            status = cast("ChildStatus", head.status)
            found[child.run_id] = _without_output(child, status, state.code, "its journal cannot be read")
    return found


def _over(child: _Awaited, state: RunState) -> EndedChild:
    output = {
        name: value
        for name, value in state.context.items()
        if name not in RESERVED and (name not in state.input or state.input[name] != value)
    }
    status = cast("ChildStatus", state.status)
    if status == "completed" and len(to_json(output)) > MAX_VALUE_BYTES:
        why = f"what its steps added takes more than {MAX_VALUE_BYTES:,} bytes; keep large data elsewhere"
        return _without_output(child, status, OUTPUT_TOO_LARGE, why)
    return EndedChild(
        step=child.step,
        child_key=child.child_key,
        run_id=child.run_id,
        status=status,
        output=output if status == "completed" else None,
        error=state.error,
    )


def _forgotten(child: _Awaited, left: Tombstone | None) -> EndedChild:
    if left is None:
        return _without_output(child, "lost", "not_found", "there is no such run any more")
    return _without_output(child, cast("ChildStatus", left.status), "purged", "it has ended and was purged")


def _without_output(child: _Awaited, status: ChildStatus, code: str, why: str) -> EndedChild:
    error: dict[str, Json] = {
        "code": code,
        "message": f"child {child.child_key!r}, run {child.run_id}: {why}",
        "child_key": child.child_key,
        "run_id": child.run_id,
        "retryable": False,
    }
    return EndedChild(step=child.step, child_key=child.child_key, run_id=child.run_id, status=status, error=error)


def _news(ended: list[EndedChild], *, again: bool) -> ChildNews:
    """As many of them as one append takes. Where nothing is there to record, nobody need look again at once."""
    taken: list[EndedChild] = []
    size = 0
    for child in ended:
        size += len(to_json(child.output)) + len(to_json(child.error))
        if taken and size > MOST_BYTES:
            return ChildNews(taken, again=True)
        taken.append(child)
    return ChildNews(taken, (again and bool(taken)) or size > MOST_BYTES_BEFORE)
