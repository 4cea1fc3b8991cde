"""The simulated world: one store on a clock that is turned by hand, workers whose clocks differ, operators, faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from squidie_contract.engine.line import Fault, Line
from squidie_contract.wire import Died
from squidie_contract.wired import wired
from squidie_core import Snapshot, Squidie, Workflow
from squidie_core.errors import ConflictError, DynamicWorkError, InvalidTransitionError, Unavailable
from squidie_core.journal.commit import Commit, CommitResult
from squidie_core.memory import MemoryStorage, MemoryWorld
from squidie_core.ports.storage import Capabilities, DueBatch, RunQuery
from squidie_core.state import RunState
from tests.clocks import Clock
from tests.exploring.hands import Looping
from tests.exploring.judging import assert_bodies, assert_sound
from tests.exploring.outside import Outside
from tests.simulation.workflows import Leaf, dynamic_work, perform

SKEW = 60
"""Milliseconds by which the clocks of two workers differ, at most."""
WORKERS = 3
_FAULTS = tuple(Fault)
_COMMANDS: Sequence[Callable[[Squidie, Snapshot], object]] = (
    lambda squidie, run: squidie.approve(run, actor="ada"),
    lambda squidie, run: squidie.reject(run, actor="ada"),
    lambda squidie, run: squidie.resume(run),
    lambda squidie, run: squidie.cancel(run, children=True),
    lambda squidie, run: squidie.cancel(run, compensate=True),
)


TALLY: Counter[str] = Counter()
"""How much was simulated in this process."""


class _Storage(MemoryStorage):
    """Declares that clocks differ, keeps no reservations, and notes what was written."""

    def __init__(self, world: MemoryWorld, written: set[str]) -> None:
        super().__init__(world=world)
        self._written = written

    @property
    def capabilities(self) -> Capabilities:
        return replace(super().capabilities, max_skew=SKEW, exclusive_reservations=False)

    def due(self, queue: str, *, offers: Sequence[str], limit: int, reserve_for: int) -> DueBatch:
        del reserve_for
        return super().due(queue, offers=offers, limit=limit, reserve_for=0)

    def commit(self, commits: Sequence[Commit]) -> Sequence[CommitResult]:
        self._written |= {append.thread_id for commit in commits for append in commit.appends}
        return super().commit(commits)


class Worker:
    """A worker process: it can be turned, stall, lose its connection, and die."""

    def __init__(self, squidie: Squidie, line: Line, number: int) -> None:
        self.line = line
        self.hand = Looping(squidie, slots=2, owner_id=f"worker-{number}")


class World:
    """Everything that is simulated."""

    def __init__(self, workflows: Sequence[type[Workflow]]) -> None:
        self.clock = Clock()
        self.outside = Outside()
        self.runs: list[Snapshot] = []
        self._workflows = (*workflows, Leaf)
        self._written: set[str] = set()
        self._looks = 0
        self._ended: dict[str, tuple[str, int]] = {}
        self._true = MemoryWorld(clock=self.clock)
        self._numbers = 0
        self.observer = self._open(self._site(0))
        self.workers = [self._worker(place) for place in range(WORKERS)]

    def _site(self, skew: int) -> MemoryWorld:
        """The world as a machine sees it whose clock is so much ahead."""
        site = MemoryWorld(clock=lambda: self.clock() + skew)
        site.lock, site.namespaces = self._true.lock, self._true.namespaces
        return site

    def _open(self, site: MemoryWorld, line: Line | None = None) -> Squidie:
        storage = _Storage(site, self._written)
        return Squidie(
            storage if line is None else wired(storage, line),
            workflows=self._workflows,
            resources={Outside: self.outside},
            actions={"perform": perform},
        )

    def _worker(self, place: int) -> Worker:
        self._numbers += 1
        line = Line()
        return Worker(self._open(self._site(place * SKEW // (WORKERS - 1)), line), line, self._numbers)

    # What may happen

    def start(self, choice: int) -> None:
        """Somebody starts a run."""
        workflow = self._workflows[choice % (len(self._workflows) - 1)]
        self.runs.append(self.observer.start(workflow, idempotency_key=f"run {len(self.runs)}"))

    def tick(self, choice: int) -> None:
        """A worker looks, decides and writes."""
        place = choice % WORKERS
        try:
            self.workers[place].hand.tick(poll=True)
        except Unavailable:
            pass
        except Died:
            self.crash(place)

    def bodies(self, choice: int) -> None:
        """A worker's bodies run to their ends."""
        place = choice % WORKERS
        try:
            self.workers[place].hand.run_bodies()
        except Died:
            self.crash(place)

    def renew(self, choice: int) -> None:
        """A worker renews its claims, and looks at the heads of its runs."""
        place = choice % WORKERS
        try:
            self.workers[place].hand.renew()
        except Unavailable:
            pass
        except Died:
            self.crash(place)

    def crash(self, choice: int) -> None:
        """A worker's process dies; another takes its place."""
        self.workers[choice % WORKERS] = self._worker(choice % WORKERS)

    def fault(self, choice: int) -> None:
        """Something will happen at one of a worker's next round trips."""
        skip, rest = divmod(choice, WORKERS * len(_FAULTS))
        self.workers[rest % WORKERS].line.fault_from(skip % 4, _FAULTS[rest // WORKERS])

    def wait(self, choice: int) -> None:
        """Time passes: a moment, or longer than leases last."""
        self.clock.now += (1, 15, 45, 130)[choice % 4]

    def operate(self, choice: int) -> None:
        """An operator does something about a run, whether it is allowed or not."""
        if not self.runs:
            return
        run = self.runs[choice % len(self.runs)]
        with suppress(InvalidTransitionError):
            _COMMANDS[choice // len(self.runs) % len(_COMMANDS)](self.observer, run)

    def add(self, choice: int) -> None:
        """An application adds dynamic work to a run, whether that takes it or not."""
        if not self.runs:
            return
        run = self.runs[choice % len(self.runs)]
        attempts = self.observer.inspect_run(run).attempts
        work = dynamic_work(attempts[choice % len(attempts)], choice)
        with suppress(DynamicWorkError, ConflictError):
            if choice % 5:
                self.observer.schedule_dynamic_work(run, work)
            else:
                self.observer.record_dynamic_work(run, work)

    # What must hold

    def check(self) -> None:
        """The invariants, for every run that was written since the last check."""
        written = set(self._written)
        self._looks += len(written)
        self._written.clear()
        for run_id in written:
            if not self.observer.store.storage.read(run_id):
                continue
            state = assert_sound(self.observer, run_id)
            assert_bodies(self.observer, run_id, self.outside)
            if state.status == "completed":
                self._assert_done(state)
            if run_id in self._ended:
                assert (state.status, state.ended_at) == self._ended[run_id], "the end moved"
            elif state.terminal:
                self._ended[run_id] = (state.status, state.ended_at or 0)

    def _assert_done(self, state: RunState) -> None:
        """A run that completed has nothing left to do."""
        plan = self.observer.store.catalog.plan(state.definition, self.observer.store.storage)
        assert not state.open, "it ended with work under way"
        if plan.uses_dependencies:
            assert state.applied_steps - state.nodes.keys() == set(plan.steps), "it ended before all steps were applied"
        for work in state.dynamic_work.values():
            nodes = {node.id for node in work.nodes}
            expected = nodes if work.status == "scheduled" else set[str]()
            assert state.applied_steps & nodes == expected, (
                "it ended before all nodes were applied, or one was recorded"
            )

    def finish(self) -> None:
        """Everything works again: then every run must come to its end."""
        for worker in self.workers:
            worker.line.heal()
        for _ in range(600):
            left = self._left()
            if not left:
                break
            for place in range(WORKERS):
                self.bodies(place)
                self.tick(place)
            self._decide_gates(left)
            self.clock.now += 20
        self.check()
        TALLY.update(worlds=1, runs=len(self._ended), looks=self._looks)
        for run in self._left():
            raise AssertionError(f"{run!r} is lost: {run.reason}")

    def _left(self) -> list[Snapshot]:
        """Runs that are not over, children among them."""
        rows = self.observer.store.storage.find(RunQuery(limit=1_000)).runs
        return [self.observer.inspect_run(row.thread_id) for row in rows if row.index.status in ("running", "paused")]

    def _decide_gates(self, runs: Sequence[Snapshot]) -> None:
        for run in runs:
            waiting = self.observer.inspect_run(run)
            if waiting.status == "paused" and waiting.waiting_for is not None:
                if waiting.waiting_for.kind == "pause":
                    self.observer.resume(run)
                else:
                    self.observer.approve(run, actor="ada")
