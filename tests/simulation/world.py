"""The simulated world: one store on a clock that is turned by hand, workers whose clocks differ, people, faults."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from squidie_contract.engine.line import Fault, Line
from squidie_contract.wire import Died, Wire, quiet
from squidie_core import Snapshot, Squidie, Workflow
from squidie_core.errors import InvalidTransitionError, PurgedError, Unavailable, UnsafeReplayError
from squidie_core.journal.commit import Head
from squidie_core.ports.storage import RunQuery, RunRow, Storage
from tests.clocks import Clock
from tests.exploring.hands import LEASE, Looping
from tests.exploring.judging import assert_sound
from tests.exploring.outside import Outside
from tests.simulation import people
from tests.simulation.laws import assert_lawful
from tests.simulation.stores import InSqlite, Store
from tests.simulation.workflows import Leaf, perform

T = TypeVar("T")
WORKERS = 3
_FAULTS = tuple(Fault)
_ROUNDS = 600

TALLY: Counter[str] = Counter()
"""How much was simulated in this process."""


class Client:
    """A process with a connection of its own, and with the code of one day: the workflows' or their successors'."""

    def __init__(self, world: World, place: int, code: int) -> None:
        self.line = Line()
        self.code = code
        self.squidie = world.open(code, place / (WORKERS - 1), self.line)


class Worker(Client):
    """A worker process: it can be turned, stall, lose its connection, and die."""

    def __init__(self, world: World, place: int, code: int) -> None:
        super().__init__(world, place, code)
        self.hand = Looping(self.squidie, slots=2, owner_id=f"worker-{place}")


class World:
    """Everything that is simulated. `workflows`: what each is today, and what it will be after a deploy."""

    def __init__(self, store: Store, workflows: Sequence[tuple[type[Workflow], type[Workflow]]]) -> None:
        self.clock = store.clock
        self.outside = Outside()
        self.runs: list[str] = []
        """What people know of."""
        self._store = store
        self._code: Sequence[Sequence[type[Workflow]]] = tuple(zip(*workflows, strict=True))
        self._opened: list[Storage] = []
        self._orders = 0
        self._windows: dict[tuple[int, int], str] = {}
        self._kept: set[str] = set()
        """The words of host transactions that were committed."""
        self._heads: dict[str, Head] = {}
        self._ended: dict[str, tuple[object, ...]] = {}
        self._purged: set[str] = set()
        self._looks = 0
        self._observers = [self.open(code, 0) for code in (0, 1)]
        self.observer = self._observers[0]
        self.workers = [Worker(self, place, 0) for place in range(WORKERS)]
        self.people = Client(self, 0, 0)

    def open(self, code: int, skew: float, wire: Wire = quiet) -> Squidie:
        """A client with this day's code, as another process would have it."""
        storage = self._store.open(skew, wire)
        self._opened.append(storage)
        return Squidie(
            storage,
            workflows=(*self._code[code], Leaf),
            resources={Outside: self.outside, Clock: self.clock, Store: self._store},
            actions={"perform": perform},
        )

    def close(self) -> None:
        """Close what was opened."""
        for storage in self._opened:
            with suppress(Unavailable, Died):
                storage.close()

    # What workers do

    def tick(self, choice: int) -> bool:
        """A worker looks, decides and writes; says whether there was anything to do."""

        def work(worker: Worker) -> bool:
            moved = worker.hand.tick(poll=True)
            self._assert_no_drift(worker)
            return moved

        return self._at_work(choice, work) is not False

    def bodies(self, choice: int) -> None:
        """A worker's bodies run to their ends."""
        self._at_work(choice, lambda worker: worker.hand.run_bodies())

    def renew(self, choice: int) -> None:
        """A worker renews its claims, and looks at the heads of its runs."""
        self._at_work(choice, lambda worker: worker.hand.renew())

    def _at_work(self, choice: int, do: Callable[[Worker], T]) -> T | None:
        """`None`: its connection broke, or it died."""
        place = choice % WORKERS
        try:
            return do(self.workers[place])
        except Unavailable:
            return None
        except Died:
            self.crash(place)
            return None

    def lend(self, choice: int) -> None:  # noqa: ARG002  # there is one such host
        """A host lends a moment."""
        with suppress(Unavailable):
            self._ask_once(lambda squidie: squidie.execute_next(owner_id="host", lease_for=LEASE / 1000))

    # What happens to them

    def crash(self, choice: int) -> None:
        """A worker's process dies; another takes its place."""
        place = choice % WORKERS
        self.workers[place] = Worker(self, place, self.workers[place].code)

    def deploy(self, choice: int) -> None:
        """A process is replaced by one with other code, newer or older."""
        place = choice % (WORKERS + 1)
        if place == WORKERS:
            self.people = Client(self, 0, 1 - self.people.code)
        else:
            self.workers[place] = Worker(self, place, 1 - self.workers[place].code)

    def fault(self, choice: int) -> None:
        """Something will happen at one of a process's next round trips."""
        clients: Sequence[Client] = (*self.workers, self.people)
        choice, skip = divmod(choice, 4)
        fault = _FAULTS[choice % len(_FAULTS)]
        clients[choice // len(_FAULTS) % len(clients)].line.fault_from(skip, fault)

    def wait(self, choice: int) -> None:
        """Time passes: a moment, or longer than leases last."""
        self.clock.now += (1, 15, 45, 130)[choice % 4]

    # What people do

    def start(self, choice: int) -> None:
        """Somebody starts a run."""
        number = len(self.runs)
        choice, place = divmod(choice, len(self._code[0]))
        self._know(self._ask(lambda squidie: people.start(squidie, self._workflow(place), number, choice)))

    def deliver(self, choice: int) -> None:
        """A schedule comes round, perhaps not for the first time."""
        choice, place = divmod(choice, len(self._code[0]))
        choice, day = divmod(choice, 2)
        with suppress(PurgedError):
            run = self._ask(lambda squidie: people.deliver(squidie, self._workflow(place), day, choice))
            if run is not None:
                self._know(run)
                assert self._windows.setdefault((place, day), run.id) == run.id, "a window started two runs"

    def operate(self, choice: int) -> None:
        """An operator does something about a run, whether it is allowed or not."""
        self._command(people.COMMANDS, choice)

    def replay(self, choice: int) -> None:
        """An operator has a run done again."""
        source = self._run(choice)
        replayed = self._command(people.REPLAYS, choice)
        if source is not None and replayed is not None:
            self._know(replayed)
            assert replayed.replayed_from == source, "it is no replay of the run"
            assert replayed.input == self.observer.inspect_run(source).input, "it starts with something else"

    def add(self, choice: int) -> None:
        """An application adds dynamic work to a run, whether that takes it or not."""
        run = self._run(choice)
        if run is not None:
            with suppress(InvalidTransitionError):
                self._ask(lambda squidie: people.add(squidie, run, choice))

    def within(self, choice: int) -> None:
        """An application starts a run with a row of its own, and commits both or neither."""
        store, number = self._store, len(self.runs)
        if not isinstance(store, InSqlite):
            return
        choice, place = divmod(choice, len(self._code[0]))
        with suppress(_RolledBack), store.transaction() as connection:
            run = people.start(self.people.squidie.within(connection), self._workflow(place), number, choice)
            store.note(connection, run.id)
            if choice % 3 == 0:
                raise _RolledBack
            self._know(run)
            self._kept.add(run.id)

    def purge(self, choice: int) -> None:
        """An operator has the store forget."""
        before = {row.thread_id: row.index.parent for row in self._rows()}
        self.observer.purge(before=timedelta(milliseconds=choice % 50), limit=1 + choice % 3)
        gone = before.keys() - {row.thread_id for row in self._rows()}
        assert gone <= self._ended.keys(), "a run was purged that was not over"
        TALLY["purged"] += len(gone)
        for run in gone:
            assert before[run] not in before.keys() - self._ended.keys(), "a run was purged that its parent may await"
        self._purged |= gone

    def _workflow(self, place: int) -> type[Workflow]:
        return self._code[self.people.code][place]

    def _run(self, choice: int) -> str | None:
        left = [run for run in self.runs if run not in self._purged]
        return left[choice % len(left)] if left else None

    def _know(self, run: Snapshot) -> None:
        if run.id not in self.runs:
            self.runs.append(run.id)

    def _command(self, commands: Sequence[people.Command], choice: int) -> Snapshot | None:
        run = self._run(choice)
        self._orders += 1
        key = f"order {self._orders}"
        if run is None:
            return None
        command = commands[choice // len(self.runs) % len(commands)]
        try:
            done = self._ask(lambda squidie: command(squidie, run, key))
        except (InvalidTransitionError, UnsafeReplayError):
            receipts = self.observer.store.state(run).receipts
            assert key not in [receipt.idempotency_key for receipt in receipts], "it was done, and then refused"
            return None
        if choice % 2:  # said twice
            assert self._ask(lambda squidie: command(squidie, run, key)).id == done.id, "it was done twice"
        return done

    def _ask(self, do: Callable[[Squidie], T]) -> T:
        """Somebody asks, and asks again by the same key, where nobody knows what became of it."""
        while True:
            with suppress(Unavailable):
                return self._ask_once(do)

    def _ask_once(self, do: Callable[[Squidie], T]) -> T:
        """Raises Unavailable; who asked may be another process from then on."""
        try:
            return do(self.people.squidie)
        except Died as died:
            self.people = Client(self, 0, self.people.code)
            raise Unavailable("its process died") from died

    # What must hold

    def check(self) -> None:
        """The laws, for every run that was written since the last check."""
        heads = self.observer.store.storage.heads([row.thread_id for row in self._rows()])
        assert self._heads.keys() - heads.keys() <= self._purged, "a run is lost"
        for run_id, status in heads.items():
            if self._heads.get(run_id) != status.head:
                self._heads[run_id] = status.head
                self._look_at(run_id)

    def _look_at(self, run_id: str) -> None:
        self._looks += 1
        state = assert_sound(self.observer, run_id, self.outside)
        assert_lawful(self.observer, state)
        end = (state.status, state.error, state.ended_at)
        if run_id in self._ended:
            assert end == self._ended[run_id], "the end moved"
        elif state.terminal:
            self._ended[run_id] = end

    def _assert_no_drift(self, worker: Worker) -> None:
        """Nobody goes on with what asks to fail where its workflow is another for this worker; undoing goes on."""
        for attempt in worker.hand.waiting:
            if attempt.run_id not in self._purged and not attempt.undoes:
                state = self.observer.store.state(attempt.run_id)
                current = worker.squidie.store.catalog.workflows[state.workflow].fingerprint
                assert state.on_drift == "continue" or state.definition == current, "code took what refuses it"

    def _assert_rows(self) -> None:
        """What bodies and hosts wrote in transactions is there once where these were committed, and else not at all."""
        expected = sorted(self._kept)
        for run_id in self._heads.keys() - self._purged:
            state = self.observer.store.state(run_id)
            plan = self.observer.store.catalog.plan(state.definition, self.observer.store.storage)
            for key, runnable in state.runnables.items():
                step = plan.steps.get(runnable.step)
                if runnable.kind == "run" and runnable.result is not None and step and step.definition.transaction:
                    expected.append(key)
        notes = [
            word for word in self._store.notes() if word.partition(":")[0] not in self._purged or word in self._kept
        ]
        assert sorted(notes) == sorted(expected), "rows of transactions are missing, or too many"

    def finish(self) -> None:
        """Everything works again, old code and new is there: then every run must come to its end."""
        for place, code in enumerate((0, 1)):
            self.workers[place] = Worker(self, place, code)
        for worker in self.workers:
            worker.line.heal()
        for number in range(_ROUNDS):
            left = self._left()
            if not left:
                break
            order = [(number + place) % WORKERS for place in range(WORKERS)]
            for place in order:
                self.bodies(place)
            moved = [self.tick(place) for place in order]
            self._decide_gates(left)
            self.clock.now += 20 if any(moved) else 2_000
        self.check()
        for run in map(self.observer.inspect_run, self._left()):
            raise AssertionError(f"{run!r} does not come to its end: {run.reason}")
        assert set(self.runs) <= self._ended.keys(), "somebody's run was never seen"
        self._assert_rows()
        for run_id in self._heads.keys() - self._purged:
            self.observer.inspect_run(run_id, include_history=True).to_dict()
            self.observer.inspect_run_graph(run_id, include_history=True)
        TALLY.update(worlds=1, runs=len(self._ended), looks=self._looks)

    def journals(self) -> dict[str, list[str]]:
        """All that was written and not purged, by run."""
        storage = self.observer.store.storage
        return {
            run_id: [commit.body for commit in storage.read(run_id)]
            for run_id in sorted(self._heads.keys() - self._purged)
        }

    def _left(self) -> dict[str, str]:
        """The statuses of runs that are not over, children among them."""
        return {row.thread_id: row.index.status for row in self._rows() if row.index.ended_at is None}

    def _rows(self) -> Sequence[RunRow]:
        return self.observer.store.storage.find(RunQuery(limit=1_000)).runs

    def _decide_gates(self, statuses: Mapping[str, str]) -> None:
        """With old code or new: a run may refuse to go on with one of them."""
        for run in (run for run, status in statuses.items() if status == "paused"):
            for squidie in self._observers:
                with suppress(InvalidTransitionError):
                    gate = squidie.inspect_run(run).waiting_for
                    if gate is not None and gate.kind == "pause":
                        squidie.resume(run)
                    elif gate is not None:
                        squidie.approve(run, actor="ada")


class _RolledBack(Exception):  # nothing went wrong
    """The application changed its mind."""
