"""Workflows in a line, and a run that is driven by decisions alone: no storage, no bodies, a clock that tests move."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import fields
from typing import Any, Literal, TypeVar

from squidie_core.decisions import (
    Claimant,
    Draft,
    ManualCommand,
    StartRequest,
    advance,
    cancel,
    complete,
    defer,
    fail,
    heartbeat,
    release,
    resolve_gate,
    start,
)
from squidie_core.definition.model import (
    Condition,
    Definition,
    Operator,
    Parameter,
    RetryPolicy,
    StepDefinition,
    Transition,
)
from squidie_core.definition.plan import Plan
from squidie_core.journal.entries import Entry, Json
from squidie_core.state import RunnableState, RunState, fold

NOW = 1_800_000_000_000
LEASE = 30_000
RUN_ID = "01a3185c-5000-7000-8000-000000000001"

T = TypeVar("T")
Signal = Literal["resume_run", "approve_run", "reject_run"]


def step(name: str, *, takes: Sequence[str] = (), **options: Any) -> StepDefinition:
    """A step whose body takes these names, each of them required."""
    return StepDefinition(name=name, parameters=tuple(Parameter(name=item) for item in takes), **options)


def ok(source: str, target: str, **options: Any) -> Transition:
    return Transition(source=source, on="ok", target=target, **options)


def error(source: str, target: str, **options: Any) -> Transition:
    return Transition(source=source, on="error", target=target, **options)


def when(path: str, operator: Operator, value: Json) -> Condition:
    return Condition(path=tuple(path.split(".")), operator=operator, value=value)


def retry(attempts: int, **options: Any) -> RetryPolicy:
    return RetryPolicy(max_attempts=attempts, **options)


def plan_of(*steps: StepDefinition, transitions: Sequence[Transition] = ()) -> Plan:
    return Plan(Definition(name="ring-errand", version="1", steps=steps, transitions=tuple(transitions)))


def request(payload: Mapping[str, Json] | None = None, **options: Any) -> StartRequest:
    given: dict[str, Any] = {
        "run_id": RUN_ID,
        "trigger": "leave_shire",
        "payload": payload or {},
        "payload_digest": "0" * 64,
        "queue": "default",
    }
    return StartRequest(**{**given, **options})


def failure(message: str = "the bridge is down", **more: Json) -> dict[str, Json]:
    return {"code": "step_exception", "message": message, **more}


def visible(state: RunState) -> dict[str, Any]:
    """What the entries say of the run: not how they came, and none of the private tables."""
    others = ("head", "folded_bytes", "checkpoint_bytes")
    names = [f.name for f in fields(state) if not f.name.startswith("_") and f.name not in others]
    found = {name: getattr(state, name) for name in names}
    found["open"] = list(state.open)
    found["wake_at"] = state.wake_at()
    return deepcopy(found)


def _anything(_: RunnableState) -> bool:
    return True


class Run:
    """A run and the worker that is at it. Methods say what happens; each is one draft at the time `now`."""

    def __init__(self, plan: Plan, payload: Mapping[str, Json] | None = None, *, at: int = NOW, **options: Any) -> None:
        self.plan = plan
        self.now = at
        draft = start(plan, request(payload, **options), at)
        self.state = draft.state
        self.entries: list[Entry] = list(draft.entries)
        self.last: list[Entry] = list(draft.entries)
        """The entries of the last draft."""
        self.claims: dict[str, str] = {}
        """The newest claim that this worker made, by runnable key."""
        self._claims_made = 0

    def decide(self, decision: Callable[[Draft], T]) -> T:
        draft = Draft(self.state, self.plan, self.now)
        answer = decision(draft)
        self.last = draft.entries
        self.entries += draft.entries
        return answer

    @property
    def status(self) -> str:
        return self.state.status

    def later(self, milliseconds: int) -> Run:
        self.now += milliseconds
        return self

    def key(self, name: str) -> str:
        """The key of the step's newest runnable; a whole key is itself."""
        if name in self.state.runnables:
            return name
        return [runnable.key for runnable in self.state.runnables.values() if runnable.step == name][-1]

    def runnable(self, name: str) -> RunnableState:
        return self.state.runnables[self.key(name)]

    def claimant(self, **options: Any) -> Claimant:
        self._claims_made += 1
        given: dict[str, Any] = {
            "owner_id": "w1",
            "claim_id": f"c{self._claims_made}",
            "lease_for": LEASE,
            "admit": _anything,
            "limit": 100,
        }
        return Claimant(**{**given, **options})

    def claim(self, **options: Any) -> list[str]:
        """Advance, and claim what there is; the names of the claimed steps."""
        claimant = self.claimant(**options)
        claimed = self.decide(lambda draft: advance(draft, claimant))
        self.claims.update((runnable.key, claimant.claim_id) for runnable in claimed)
        return [runnable.step for runnable in claimed]

    def claim_of(self, name: str) -> tuple[str, str]:
        key = self.key(name)
        return key, self.claims.get(key, "never claimed")

    def complete(self, name: str, result: Mapping[str, Json] | None = None) -> bool:
        key, claim_id = self.claim_of(name)
        return self.decide(lambda draft: complete(draft, key, claim_id, result or {}))

    def fail(self, name: str, why: Mapping[str, Json] | None = None, *, retry_after: int | None = None) -> bool:
        key, claim_id = self.claim_of(name)
        return self.decide(lambda draft: fail(draft, key, claim_id, why or failure(), retry_after=retry_after))

    def defer(self, name: str, after: int, reason: Json = "not yet") -> bool:
        key, claim_id = self.claim_of(name)
        return self.decide(lambda draft: defer(draft, key, claim_id, reason, after))

    def release(self, name: str, *, counts: bool = False) -> None:
        key, claim_id = self.claim_of(name)
        self.decide(lambda draft: release(draft, {key: claim_id}, counts=counts))

    def heartbeat(self, *names: str, lease_for: int = LEASE) -> set[str]:
        claims = dict(map(self.claim_of, names))
        return self.decide(lambda draft: heartbeat(draft, claims, lease_for))

    def does(self, name: str, result: Mapping[str, Json] | None = None) -> Run:
        """Claim everything and complete this step."""
        self.claim()
        assert self.complete(name, result)
        return self

    def manual(self, signal: Signal, command: ManualCommand | None = None) -> None:
        given = command or ManualCommand(actor="elrond")
        self.decide(lambda draft: resolve_gate(draft, signal, given, decided_at="2027-01-15T08:00:00+00:00"))

    def cancel(self, command: ManualCommand | None = None, *, compensate: bool | None = None) -> None:
        self.decide(lambda draft: cancel(draft, command or ManualCommand(), compensate=compensate))

    def refolded(self) -> RunState:
        """The state that the entries give from the beginning."""
        return fold(RunState(RUN_ID), self.entries)

    def open_steps(self) -> list[str]:
        return [runnable.step for runnable in self.state.open.values()]

    def kinds(self) -> list[str]:
        """The types of the last draft's entries."""
        return [entry.TYPE for entry in self.last]
