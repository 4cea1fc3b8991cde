"""Strongly consistent reads wherever a promise needs one, hints only where it does not."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import pytest

from squidie_contract.engine.appends import FAR_FUTURE, OFFERS, always, append, checkpoint_at, history, row
from squidie_core.journal.commit import Commit, Head
from squidie_core.ports.storage import RunQuery, Storage
from squidie_storage_dynamodb import DynamodbStorage
from tests.storage_dynamodb.wire import Wire, reads

CALLS: dict[str, Callable[[Storage], object]] = {
    "commit, refused": lambda storage: storage.commit([Commit((append("long", Head(1, 1)),))]),
    "load": lambda storage: storage.load(["t", "long"]),
    "heads": lambda storage: storage.heads(["t"]),
    "read": lambda storage: storage.read("long"),
    "due": lambda storage: storage.due("default", offers=OFFERS, limit=9, reserve_for=0),
    "reserve": lambda storage: storage.reserve("t", until=FAR_FUTURE, reason="none"),
    "find": lambda storage: storage.find(RunQuery(status="running")),
    "get_blobs": lambda storage: storage.get_blobs(["b"]),
    "quarantine": lambda storage: storage.quarantine("t", reason="r", by="b"),
    "unquarantine": lambda storage: storage.unquarantine("t"),
    "rebuild_index": lambda storage: storage.rebuild_index(always(row())),
}


@pytest.mark.parametrize("call", list(CALLS))
def test_items_are_read_as_they_are_now_and_indexes_only_say_where_to_look(
    storage: DynamodbStorage, watched: Wire, call: str
) -> None:
    history(storage, "t", "a")
    written = history(storage, "long", *(secrets.token_hex(500) for _ in range(9)))
    storage.put_checkpoint("long", checkpoint_at(written[:3]))
    storage.put_blob("b", "text")
    watched.clear()
    CALLS[call](storage)
    found = reads(watched.sent)
    assert found
    assert all(strongly == (index is None) for _, index, strongly in found)
    if any(index is not None for _, index, _ in found):
        assert any(index is None for _, index, _ in found), "what an index says was not looked at"
