"""Taking a decision back: what is known about a run before it, kept in proportion to what the decision changes."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from squidie_core.journal.entries import (
    AttemptHeartbeat,
    ChildRunEnded,
    ChildRunStarted,
    CompensationStarted,
    DynamicWorkRecorded,
    Entry,
    RunnableApplied,
    RunnablesPlanned,
    RunSignalReceived,
)
from squidie_core.state.children import CHILDREN
from squidie_core.state.lineage import ChildState
from squidie_core.state.run import RunnableState, RunState

_SCALARS = ("rev", "last_at", "status", "gate", "rollback", "error", "ended_at", "routed_error")
_RUNNABLE_FIELDS = tuple(field.name for field in fields(RunnableState))
_MISSING: Any = object()


class Undo:
    """Told of each entry before it is folded into a started run; `take_back` restores the state as it was at first."""

    __slots__ = (
        "_actions",
        "_applied",
        "_children",
        "_context",
        "_joins",
        "_known",
        "_lengths",
        "_new",
        "_nodes",
        "_received",
        "_routes",
        "_scalars",
        "_state",
        "_visits",
        "_works",
    )

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._scalars = [getattr(state, name) for name in _SCALARS]
        self._lengths = (len(state.receipts), len(state.anomalies))
        self._received: set[tuple[str, str]] = set()
        self._known: dict[str, list[Any]] = {}
        self._new: list[str] = []
        self._visits: dict[str, Any] = {}
        self._routes: dict[int, Any] = {}
        self._applied: set[str] = set()
        self._context: dict[str, Any] = {}
        self._actions = dict(state.open_actions)
        self._works: list[str] = []
        self._nodes: dict[str, tuple[int, str | None]] = {}
        self._joins = dict(state.joins)
        self._children: dict[tuple[str, str], ChildState | None] = {}

    def before(self, entry: Entry) -> None:
        """The entry will be folded next."""
        if isinstance(entry, RunnablesPlanned):
            for planned in entry.runnables:
                if planned.key not in self._state.runnables:
                    self._new.append(planned.key)
                    self._visits.setdefault(planned.step, self._state.visits.get(planned.step, _MISSING))
        elif isinstance(entry, AttemptHeartbeat):
            for key in entry.claims:
                self._keep(key)
        elif isinstance(entry, DynamicWorkRecorded):
            if entry.dynamic_key not in self._state.dynamic_work:
                self._works.append(entry.dynamic_key)
        elif isinstance(entry, CompensationStarted):
            for key in self._state.open:
                self._keep(key)
        elif isinstance(entry, ChildRunEnded):
            self._keep_child(entry.step, entry.child_key)
        else:
            self._before_one(entry)

    def _before_one(self, entry: Entry) -> None:
        """The entry is about one runnable, or about none."""
        named: str | None = getattr(entry, "runnable_key", None)
        runnable = None if named is None else self._keep(named)
        if runnable is not None and isinstance(entry, RunnableApplied):
            self._before_application(entry, runnable)
        elif runnable is not None and isinstance(entry, ChildRunStarted):
            self._keep_child(runnable.step, entry.child_key)
        elif isinstance(entry, RunSignalReceived) and entry.idempotency_key is not None:
            self._received |= {(entry.signal, entry.idempotency_key)} - self._state.received

    def _keep_child(self, step: str, child_key: str) -> None:
        self._children.setdefault((step, child_key), self._state.children.get(step, child_key))

    def _keep(self, key: str) -> RunnableState | None:
        runnable = self._state.runnables.get(key)
        if runnable is not None and key not in self._known:
            self._known[key] = [getattr(runnable, name) for name in _RUNNABLE_FIELDS]
        return runnable

    def _before_application(self, entry: RunnableApplied, runnable: RunnableState) -> None:
        state = self._state
        if runnable.step not in state.applied_steps:
            self._applied.add(runnable.step)
        for name in (*(runnable.result or ()), *(() if entry.children is None else (entry.children or CHILDREN,))):
            self._context.setdefault(name, state.context.get(name, _MISSING))
        if entry.decision is not None:
            index = entry.decision.index
            self._routes.setdefault(index, state.routes_taken.get(index, _MISSING))
        if runnable.dynamic is not None and runnable.step in state.nodes:
            for name in (runnable.step, *state.nodes[runnable.step].leads_to):
                node = state.nodes[name]
                self._nodes.setdefault(name, (node.waits_for, node.applied))

    def take_back(self) -> None:
        """Make the state again what it was when this was made."""
        state = self._state
        for name, value in zip(_SCALARS, self._scalars, strict=True):
            setattr(state, name, value)
        del state.receipts[self._lengths[0] :], state.anomalies[self._lengths[1] :]
        state.received -= self._received
        state.applied_steps -= self._applied
        _restore(state.visits, self._visits)
        _restore(state.routes_taken, self._routes)
        _restore(state.context, self._context)
        state.joins = self._joins
        for (step, child_key), child in self._children.items():
            if child is None:
                state.children.drop(step, child_key)
            else:
                state.children.put(child)
        for key in self._new:
            state.runnables.pop(key, None)
            state.open.pop(key, None)
        for key, values in self._known.items():
            runnable = state.runnables.get(key)
            if runnable is not None:
                for name, value in zip(_RUNNABLE_FIELDS, values, strict=True):
                    setattr(runnable, name, value)
                state.adopt(runnable)
        self._take_back_work()

    def _take_back_work(self) -> None:
        state = self._state
        for name, (waits_for, applied) in self._nodes.items():
            state.nodes[name].waits_for, state.nodes[name].applied = waits_for, applied
        for key in self._works:
            work = state.dynamic_work.pop(key, None)
            for node in () if work is None else work.nodes:
                del state.nodes[node.id]
        state.open_actions = self._actions


def _restore(table: dict[Any, Any], before: dict[Any, Any]) -> None:
    for key, value in before.items():
        if value is _MISSING:
            table.pop(key, None)
        else:
            table[key] = value
