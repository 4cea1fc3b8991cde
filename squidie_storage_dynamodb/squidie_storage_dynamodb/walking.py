"""Several parts of an index as one sequence: the next entry is the least of those that the parts have next."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item


def walk(table: Table, requests: Sequence[Mapping[str, Any]], order: str, *, backwards: bool = False) -> Iterator[Item]:
    """The entries that these queries find, by the attribute `order`, which each of them is sorted by.

    The first pages are asked for at once, further ones when they are wanted.
    """
    streams = [table.pages({**request, "ScanIndexForward": not backwards}) for request in requests]
    nothing: list[Item] = []
    first = table.each(lambda stream: next(stream, nothing), streams)
    entries = [_flat(chain([page], stream)) for page, stream in zip(first, streams, strict=True)]
    key: Callable[[Item], str] = lambda item: item[order]  # noqa: E731 -- annotated for the checker
    return heapq.merge(*entries, key=key, reverse=backwards)


def _flat(pages: Iterable[Sequence[Item]]) -> Iterator[Item]:
    return chain.from_iterable(pages)
