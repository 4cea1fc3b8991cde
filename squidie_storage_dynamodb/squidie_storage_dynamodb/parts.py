"""One part of a queue in the due index: entries by priority, then by time; each priority's sleepers end it."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from squidie_core.dataclass import record
from squidie_core.journal.codec import READER_VERSION
from squidie_storage_dynamodb.expressions import query
from squidie_storage_dynamodb.keys import BAND, LAST_PRIORITY, due_base
from squidie_storage_dynamodb.schema import DUE_INDEX
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item, Wire

_FIRST_PAGE, _LARGEST_PAGE = 4, 1000


@record(frozen=True, slots=True)
class Entry:
    """An entry that says that a run is due. The index may lag, so the run's head has the last word."""

    thread_id: str
    priority: int
    at: int
    place: int


@record(frozen=True, slots=True)
class Question:
    """What a poll looks for."""

    queue: str
    offers: AbstractSet[str]
    now: int
    oldest_first: bool
    """Whether the first entries of every priority are wanted."""

    def concerns(self, item: Item) -> bool:
        """Whether a worker with these offers can advance the run, as far as the index knows."""
        return item.get("min_reader", 1) <= READER_VERSION and not self.offers.isdisjoint(item["needs"])


class Part:
    """Goes through the part once, as far as it is wanted; used by one thread at a time."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.finished = False
        self.next_at: int | None = None
        """When the next run of those that sleep falls due, where that was seen."""
        self._least = 0
        self._start: Wire | None = None
        self._size = 0

    def fetch(self, table: Table, question: Question, wanted: int) -> list[Entry]:
        """At least so many further entries that are due, unless there are fewer."""
        entries: list[Entry] = []
        while not self.finished and (question.oldest_first or len(entries) < wanted):
            self._size = min(self._size * 4 or wanted + _FIRST_PAGE, _LARGEST_PAGE)
            request = query(
                table.name,
                "#due_queue = :part AND #due BETWEEN :least AND :most",
                index=DUE_INDEX,
                part=table.keys.due(question.queue, self.place),
                least=self._least,
                most=due_base(LAST_PRIORITY + 1),
            )
            items, start = table.page(request | {"Limit": self._size}, start=self._start)
            skip_to = self._take(items, entries, table, question, wanted)
            if skip_to is None:
                self._start, self.finished = start, start is None
            else:
                self._least, self._start, self.finished = due_base(skip_to), None, skip_to > LAST_PRIORITY
        return entries

    def _take(
        self, items: list[Item], entries: list[Entry], table: Table, question: Question, wanted: int
    ) -> int | None:
        """Take what is due; the priority to go on with where the rest of this one is of no interest."""
        for item in items:
            priority: int = item["due"] // BAND
            at: int = item["due"] % BAND
            if at > question.now:
                self.next_at = at if self.next_at is None else min(at, self.next_at)
                return priority + 1
            if question.concerns(item):
                entries.append(Entry(table.keys.thread_id(item["pk"]), priority, at, self.place))
                if question.oldest_first and sum(entry.priority == priority for entry in entries) >= wanted:
                    return priority + 1
        return None
