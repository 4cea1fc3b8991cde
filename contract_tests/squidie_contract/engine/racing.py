"""Clients that write and read two threads at once, and what must hold of all that they saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hypothesis import strategies as st

from squidie_contract.engine.appends import append, signed
from squidie_contract.engine.history import Anomaly, History, Outcome, Saw, Wrote, anomalies
from squidie_contract.engine.line import Fault
from squidie_contract.engine.schedule import Schedule
from squidie_contract.engine.trying import orders
from squidie_contract.engine.worlds import World
from squidie_contract.wire import Died
from squidie_core.errors import Unavailable
from squidie_core.journal.commit import (
    NO_HEAD,
    Append,
    Busy,
    Commit,
    CommitResult,
    Committed,
    Conflict,
    Head,
    LoadedThread,
    Refused,
    StoredCommit,
)
from squidie_core.ports.storage import RunQuery, Storage

Step: TypeAlias = Literal["append a", "append b", "append both", "append each", "nudge", "read a", "load both", "look"]
"""`append both` is one commit over both threads, `append each` one call with a commit for each; `nudge` appends to b
and nudges a; `look` asks for heads and the listing."""

THREADS = ("a", "b")
RESUBMISSIONS = 3


@dataclass(frozen=True, slots=True)
class Race:
    """What each client does, who proceeds at each park, and what happens to whom at which of its round trips."""

    programs: Mapping[str, Sequence[Step]]
    choices: Sequence[int]
    faults: Mapping[str, Mapping[int, Fault]] = field(default_factory=dict[str, Mapping[int, Fault]])


def races(*steps: Step, clients: int = 3, with_faults: bool = False) -> st.SearchStrategy[Race]:
    """Races of two or more clients that do these steps."""
    names = [f"client {number}" for number in range(1, clients + 1)]
    program = st.lists(st.sampled_from(steps), min_size=1, max_size=4)
    programs = st.integers(2, clients).flatmap(
        lambda count: st.fixed_dictionaries(dict.fromkeys(names[:count], program))
    )
    faults = st.dictionaries(st.integers(1, 6), st.sampled_from(Fault), min_size=1, max_size=2)
    return st.builds(
        Race,
        programs=programs,
        choices=orders(clients),
        faults=st.dictionaries(st.sampled_from(names), faults, max_size=clients) if with_faults else st.just({}),
    )


def run(world: World, race: Race) -> list[Anomaly]:
    """Run the race; all that is wrong with what was seen, and with what is there in the end."""
    schedule = Schedule(race.choices, tell=world.trail.tell)
    record = Record(schedule)
    racers = {
        name: _Racer(name, world.storage(schedule.wire(name, race.faults.get(name)), name=name), record, steps)
        for name, steps in race.programs.items()
    }
    schedule.run({name: racer.run for name, racer in racers.items()})
    return [*record.problems, *_in_the_end(world, record)]


class Record:
    """What the clients of one race saw."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.histories = {thread_id: History() for thread_id in THREADS}
        self.problems: list[Anomaly] = []
        self.commits: list[Commit] = []


class _Racer:
    """One client. Each appends at the head that it knows, and learns heads from what it reads and from conflicts."""

    def __init__(self, name: str, storage: Storage, record: Record, steps: Sequence[Step]) -> None:
        self._name = name
        self._storage = storage
        self._record = record
        self._steps = steps
        self._known: dict[str, Head] = dict.fromkeys(THREADS, NO_HEAD)

    def run(self) -> None:
        for step in self._steps:
            with suppress(Unavailable):  # a read that was cut off; what a write was told is in the record
                self._do(step)

    def _do(self, step: Step) -> None:
        match step:
            case "append a" | "append b":
                self._commit([Commit((self._append(step[-1]),))])
            case "append both":
                self._commit([Commit(tuple(map(self._append, THREADS)))])
            case "append each":
                self._commit([Commit((self._append(thread_id),)) for thread_id in THREADS])
            case "nudge":
                self._commit([Commit((self._append("b"),), nudges=("a",))])
            case "read a":
                self._read("a")
            case "load both":
                self._load()
            case "look":
                self._look()

    def _append(self, thread_id: str) -> Append:
        return signed(append(thread_id, self._known[thread_id], self._name))

    def _commit(self, commits: Sequence[Commit]) -> None:
        self._record.commits += commits
        for _ in range(RESUBMISSIONS):
            if self._submit(commits):
                return

    def _submit(self, commits: Sequence[Commit]) -> bool:
        """Whether there was an answer."""
        start = self._record.schedule.tick()
        outcomes: dict[int, Outcome] = {}
        try:
            results = self._storage.commit(commits)
        except Unavailable as error:
            for commit in commits:
                outcomes |= {one.commit_id: error.outcome for one in commit.appends}
            return error.outcome == "none"
        except Died:
            for commit in commits:
                outcomes |= {one.commit_id: "unknown" for one in commit.appends}
            raise
        else:
            for commit, result in zip(commits, results, strict=True):
                outcomes |= {one.commit_id: outcome_of(one, result) for one in commit.appends}
                self._learn(commit, result)
            return True
        finally:
            end = self._record.schedule.tick()
            for commit in commits:
                for one in commit.appends:
                    wrote = Wrote(self._name, one, outcomes.get(one.commit_id, "unknown"), start, end)
                    self._record.histories[one.thread_id].wrote.append(wrote)

    def _learn(self, commit: Commit, result: CommitResult) -> None:
        if isinstance(result, Committed):
            self._known |= {one.thread_id: one.head for one in commit.appends}
        elif isinstance(result, Conflict):
            for thread_id in result.thread_ids:
                self._read(thread_id)

    def _saw(self, thread_id: str, commits: Sequence[StoredCommit], start: int) -> None:
        seen = Saw(self._name, tuple(commits), start, self._record.schedule.tick())
        self._record.histories[thread_id].saw.append(seen)
        self._known[thread_id] = commits[-1].head if commits else NO_HEAD

    def _read(self, thread_id: str) -> None:
        start = self._record.schedule.tick()
        self._saw(thread_id, self._storage.read(thread_id), start)

    def _load(self) -> None:
        start = self._record.schedule.tick()
        loaded = self._storage.load(THREADS)
        for thread_id in THREADS:
            thread = loaded.get(thread_id, LoadedThread(NO_HEAD, ()))
            last = thread.commits[-1].head if thread.commits else NO_HEAD
            if thread.head != last:
                self._found("torn load", f"{thread_id} at {thread.head} ends with {last}")
            self._saw(thread_id, thread.commits, start)

    def _look(self) -> None:
        """Each index row carries the id of the commit that it came with as its status."""
        for thread_id, status in self._storage.heads(THREADS).items():
            if status.status != str(status.head.commit_id):
                self._found("index apart", f"{thread_id} at {status.head} has the index row of {status.status}")
        for row in self._storage.find(RunQuery()).runs:
            if row.index.status != str(row.head.commit_id):
                self._found("index apart", f"{row.thread_id} at {row.head} is listed as {row.index.status}")

    def _found(self, kind: str, detail: str) -> None:
        self._record.problems.append(Anomaly(kind, f"{self._name}: {detail}"))


def outcome_of(one: Append, result: CommitResult) -> Outcome:
    """What became of one append of a commit."""
    match result:
        case Committed():
            return "committed"
        case Conflict(thread_ids):
            return "conflict" if one.thread_id in thread_ids else "none"
        case Busy(thread_ids):
            return "busy" if one.thread_id in thread_ids else "none"
        case Refused():
            return "refused"


def _in_the_end(world: World, record: Record) -> Iterator[Anomaly]:
    observer = world.storage(name="observer")
    final = {thread_id: tuple(observer.read(thread_id)) for thread_id in THREADS}
    standing = {commit.commit_id for commits in final.values() for commit in commits}
    for thread_id, history in record.histories.items():
        yield from anomalies(history, final[thread_id])
    for commit in record.commits:
        stand = [one.thread_id for one in commit.appends if one.commit_id in standing]
        if len(stand) not in {0, len(commit.appends)}:
            yield Anomaly("torn over threads", f"a commit over {len(commit.appends)} threads stands in {stand} alone")
    heads = observer.heads(THREADS)
    listed = {row.thread_id: row for row in observer.find(RunQuery()).runs}
    for thread_id, commits in final.items():
        last = commits[-1].head if commits else NO_HEAD
        head = heads[thread_id].head if thread_id in heads else NO_HEAD
        row = listed[thread_id].head if thread_id in listed else NO_HEAD
        if not head == row == last:
            yield Anomaly("index apart", f"{thread_id} ends with {last}, its head is {head}, it is listed at {row}")
