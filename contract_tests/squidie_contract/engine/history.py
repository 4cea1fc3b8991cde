"""Whether what several clients saw of one thread can have happened, in the time that sorting it takes.

In general such a question is hard. Here it is not: an accepted append says where it stands, so the order of the writes
is read from the thread and need not be searched for.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from squidie_core.journal.commit import NO_HEAD, Append, Head, StoredCommit

Outcome = Literal["committed", "conflict", "busy", "refused", "unknown", "none"]
"""What a client was told of its append; `unknown` also where it died; `none`: it did not take effect."""


@dataclass(frozen=True, slots=True)
class Wrote:
    """An append, as its client saw it: asked for at `start`, answered at `end`. Moments are in one order for all."""

    client: str
    append: Append
    outcome: Outcome
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Saw:
    """What a client read: the thread's commits from its beginning."""

    client: str
    commits: Sequence[StoredCommit]
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that cannot have happened."""

    kind: str
    detail: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.detail}"


@dataclass(slots=True)
class History:
    """What the clients did to one thread. Appends to it may come from any thread."""

    wrote: list[Wrote] = field(default_factory=list[Wrote])
    saw: list[Saw] = field(default_factory=list[Saw])


def anomalies(history: History, final: Sequence[StoredCommit]) -> list[Anomaly]:
    """All that is wrong with the history, given the commits that stand in the end."""
    return [*_in_the_chain(final), *_of_writes(history, final), *_of_reads(history, final), *_of_time(history, final)]


def _in_the_chain(final: Sequence[StoredCommit]) -> Iterator[Anomaly]:
    rev, previous = 0, 0
    seen: set[int] = set()
    for commit in final:
        if commit.rev != rev + 1:
            yield Anomaly("gap", f"revision {rev} is followed by {commit.rev}")
        if commit.previous != previous:
            yield Anomaly("broken chain", f"the commit at {commit.rev} does not name the one before it")
        if commit.commit_id in seen:
            yield Anomaly("duplicate", f"commit {_short(commit.commit_id)} stands twice")
        seen.add(commit.commit_id)
        rev, previous = commit.head


def _of_writes(history: History, final: Sequence[StoredCommit]) -> Iterator[Anomaly]:
    standing = {commit.commit_id: commit for commit in final}
    submitted = {one.append.commit_id for one in history.wrote}
    effective = {one.append.commit_id for one in history.wrote if one.outcome in {"committed", "unknown"}}
    for commit in final:
        if commit.commit_id not in submitted:
            yield Anomaly("phantom", f"nobody wrote commit {_short(commit.commit_id)}")
    for one in history.wrote:
        stands = standing.get(one.append.commit_id)
        if stands is None:
            if one.outcome == "committed":
                yield Anomaly("lost", f"{_told(one)}, and is not there")
            continue
        if not _is_whole(one.append, stands):
            yield Anomaly("torn", f"{_told(one)}, and stands as {stands}")
        sent_again = one.append.commit_id in effective and one.outcome in {"busy", "none"}
        if one.outcome not in {"committed", "unknown"} and not sent_again:
            yield Anomaly(f"{one.outcome} with effect", f"{_told(one)}, and stands at {stands.rev}")


def _of_reads(history: History, final: Sequence[StoredCommit]) -> Iterator[Anomaly]:
    for one in history.saw:
        if list(one.commits) != list(final[: len(one.commits)]):
            yield Anomaly("no prefix", f"{one.client} saw {_revs(one.commits)}, the thread is {_revs(final)}")


def _of_time(history: History, final: Sequence[StoredCommit]) -> Iterator[Anomaly]:
    heads = [NO_HEAD, *(commit.head for commit in final)]
    place = {head: number for number, head in enumerate(heads)}
    known = _Steps(
        [(one.end, place.get(one.append.head, 0)) for one in history.wrote if one.outcome == "committed"]
        + [(one.end, place.get(_head(one.commits), 0)) for one in history.saw]
    )
    possible = _Steps([(one.start, place.get(one.append.head, 0)) for one in history.wrote])
    first_sent: dict[int, float] = {}
    for one in history.wrote:
        commit_id = one.append.commit_id
        first_sent[commit_id] = min(one.start, first_sent.get(commit_id, one.start))
    for saw in history.saw:
        at = place.get(_head(saw.commits))
        if at is None:
            continue  # no prefix: told already
        lowest = known.before(saw.start)
        if at < lowest:
            yield Anomaly("stale read", f"{saw.client} saw {_revs(saw.commits)}, when {heads[lowest].rev} was known")
        if at > possible.until(saw.end):
            yield Anomaly("time travel", f"{saw.client} saw {_revs(saw.commits)} before it was written")
    for one in history.wrote:
        lowest, highest = known.before(one.start), possible.until(one.end)
        stands, expected = place.get(one.append.head), place.get(one.append.expected)
        if one.outcome == "committed" and stands is not None:
            if stands <= known.before(first_sent[one.append.commit_id]):
                yield Anomaly("time travel", f"{_told(one)}, when {heads[stands].rev} was known before it was sent")
        elif one.outcome == "conflict" and lowest == highest == expected:
            yield Anomaly("spurious conflict", f"{_told(one)}, though nothing stood against it")
        elif one.outcome == "busy" and (expected is None or expected < lowest):
            yield Anomaly("busy though decided", f"{_told(one)}, though {heads[lowest].rev} was known")


class _Steps:
    """The highest place reached by a moment."""

    def __init__(self, reached: list[tuple[float, int]]) -> None:
        self._moments: list[float] = []
        self._highest: list[int] = [0]
        for moment, place in sorted(reached):
            self._moments.append(moment)
            self._highest.append(max(place, self._highest[-1]))

    def before(self, moment: float) -> int:
        """Certainly reached: the moment itself does not count."""
        return self._highest[bisect_left(self._moments, moment)]

    def until(self, moment: float) -> int:
        """Possibly reached: the moment itself counts."""
        return self._highest[bisect_right(self._moments, moment)]


def _is_whole(append: Append, stands: StoredCommit) -> bool:
    return (stands.rev, stands.count, stands.previous, stands.body) == (
        append.expected.rev + 1,
        append.count,
        append.expected.commit_id,
        append.body,
    )


def _head(commits: Sequence[StoredCommit]) -> Head:
    return commits[-1].head if commits else NO_HEAD


def _told(one: Wrote) -> str:
    append = one.append
    return (
        f"{one.client}'s append {_short(append.commit_id)} expecting {append.expected.rev}"
        f"#{_short(append.expected.commit_id)} was {one.outcome}"
    )


def _revs(commits: Sequence[StoredCommit]) -> str:
    return "[" + ", ".join(f"{commit.head.rev}#{_short(commit.commit_id)}" for commit in commits) + "]"


def _short(commit_id: int) -> str:
    return f"{commit_id & 0xFFFF:04x}"
