"""Polls: what all parts of a queue say is due, verified by the heads as they are now."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import count

from squidie_core.journal.codec import READER_VERSION
from squidie_core.ports import DueBatch, DueRun
from squidie_storage_dynamodb.changing import due_entry, write
from squidie_storage_dynamodb.keys import SHARDS, due_number, is_name
from squidie_storage_dynamodb.loading import small
from squidie_storage_dynamodb.parts import Entry, Part, Question
from squidie_storage_dynamodb.reading import current_all
from squidie_storage_dynamodb.reservations import Reservations
from squidie_storage_dynamodb.runs import Run
from squidie_storage_dynamodb.table import Table

OLDEST_FIRST_EVERY = 8
"""At every eighth poll of a queue priority does not count, so nothing waits for ever."""

_CONTENDED_SECONDS = 5.0

Order = Callable[[Entry], tuple[int | str, ...]]


class Polls:
    """Looks for due runs. Safe to use from many threads.

    Nobody writes down that a run was found, so workers that poll at once find the same runs, and all but one lose the
    race for each. Where that was seen to happen, a worker prefers one part of the queue among runs of one priority,
    another part at each poll; alone, it takes the earliest.
    """

    def __init__(self, table: Table, reservations: Reservations) -> None:
        self._table = table
        self._reservations = reservations
        self._polls: defaultdict[str, count[int]] = defaultdict(lambda: count(1))
        self._start = random.randrange(SHARDS)  # noqa: S311 -- it only spreads the workers
        self._contended_until = 0.0

    def lost_a_race(self) -> None:
        """Somebody else was faster."""
        self._contended_until = time.monotonic() + _CONTENDED_SECONDS

    def due(self, queue: str, offers: Sequence[str], limit: int, reserve_for: int, now: int) -> DueBatch:
        """At most `limit` runs of the queue that are due and need one of the offers."""
        poll = next(self._polls[queue])
        question = Question(queue, frozenset(offers), now, poll % OLDEST_FIRST_EVERY == 0)
        if not is_name(queue) or limit <= 0:
            return DueBatch(runs=[], now=now)
        parts = [Part(place) for place in range(SHARDS)]
        found = self._search(question, parts, self._order(question, poll), limit, reserve_for)
        by_priority = not question.oldest_first
        found.sort(key=lambda run: (run.index.priority * by_priority, run.due_at or 0, run.thread_id))
        sleepers = [part.next_at for part in parts if part.next_at is not None]
        return DueBatch(
            runs=[_due_run(run) for run in found],
            now=now,
            next_wake=min(sleepers, default=None) if all(part.finished for part in parts) else None,
        )

    def _order(self, question: Question, poll: int) -> Order:
        if question.oldest_first:
            return lambda entry: (entry.at, entry.thread_id)
        if time.monotonic() >= self._contended_until:
            return lambda entry: (entry.priority, entry.at, entry.thread_id)
        own = self._start + poll + poll // OLDEST_FIRST_EVERY  # so that each part has its turn
        return lambda entry: (entry.priority, (entry.place - own) % SHARDS, entry.at, entry.thread_id)

    def _search(
        self, question: Question, parts: Sequence[Part], order: Order, limit: int, reserve_for: int
    ) -> list[Run]:
        found: dict[str, Run] = {}
        waiting: list[Entry] = []
        while len(found) < limit:
            missing = limit - len(found)
            unfinished = [part for part in parts if not part.finished]
            if not waiting and not unfinished:
                break
            if unfinished and len(waiting) < missing:
                for entries in self._table.each(lambda part: part.fetch(self._table, question, limit), unfinished):
                    waiting += entries
                waiting.sort(key=order)
            chosen, waiting = waiting[:missing], waiting[missing:]
            for run in self._verified(question, [entry.thread_id for entry in chosen]):
                if self._reservations.take(run.thread_id, run.head, question.now, question.now + reserve_for):
                    found[run.thread_id] = run
        return list(found.values())

    def _verified(self, question: Question, thread_ids: Sequence[str]) -> list[Run]:
        """Those that are due indeed. Entries that are wrong, and not only late, are corrected."""
        runs = current_all(self._table, thread_ids)
        due = [run for run in runs.values() if _is_due(run, question.now)]
        wrong = [run for run in runs.values() if not _is_due(run, question.now) and _is_misplaced(run)]
        self._table.each(lambda run: write(self._table, run, due_entry(self._table, run)), wrong)
        return [
            run
            for run in due
            if run.index.min_reader <= READER_VERSION and not question.offers.isdisjoint(run.index.needs)
        ]


def _is_due(run: Run, now: int) -> bool:
    return run.due_at is not None and run.due_at <= now


def _is_misplaced(run: Run) -> bool:
    """Whether the head itself says something else of its place in the index than it should."""
    should_be = None if run.due_at is None else due_number(run.index.priority, run.due_at)
    return run.due_number != should_be


def _due_run(run: Run) -> DueRun:
    return DueRun(thread_id=run.thread_id, head=run.head, loaded=small(run), parked=run.parked, nudges=run.nudges)
