"""What the storage knows of its table's health, for `squidie doctor`."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from uuid import uuid4

import pytest

from squidie_core.errors import Unavailable
from squidie_core.ports import Diagnosable, Finding
from squidie_storage_dynamodb import DynamodbStorage, open_dynamodb
from squidie_storage_dynamodb.schema import INDEXES


@pytest.fixture
def storage(dynamodb_endpoint: str) -> Iterator[DynamodbStorage]:
    """Give a client of a table of the test's own, because some change it."""
    url = f"dynamodb://t-{uuid4().hex}?endpoint={dynamodb_endpoint}"
    open_dynamodb.migrate(url)
    made = open_dynamodb(url)
    yield made
    made.close()


def events_of(storage: DynamodbStorage) -> Any:
    """Where botocore tells what happens."""
    client: Any = storage.table.calls.client
    return client.meta.events


@contextmanager
def answering(storage: DynamodbStorage, operation: str, change: Any) -> Generator[None]:
    """Let `change` have the answers of the operation before the storage does."""
    events = events_of(storage)

    def changed(parsed: dict[str, Any], **_: object) -> None:
        change(parsed)

    events.register(f"after-call.dynamodb.{operation}", changed)
    yield
    events.unregister(f"after-call.dynamodb.{operation}", changed)


def found(storage: DynamodbStorage) -> dict[str, Finding]:
    return {finding.check: finding for finding in storage.health()}


class TestHealth:
    def test_of_a_new_table_is_well(self, storage: DynamodbStorage) -> None:
        assert isinstance(storage, Diagnosable)
        assert {check: finding.status for check, finding in found(storage).items()} == {
            "table": "ok",
            "expiry": "ok",
            "skew": "ok",
        }

    def test_tells_of_an_index_that_is_missing_or_being_made(self, storage: DynamodbStorage) -> None:
        def change(parsed: dict[str, Any]) -> None:
            due, *others = parsed["Table"]["GlobalSecondaryIndexes"]
            parsed["Table"]["GlobalSecondaryIndexes"] = [{**due, "IndexStatus": "CREATING"}, *others[:-1]]

        with answering(storage, "DescribeTable", change):
            finding = found(storage)["table"]
        assert finding.status == "fail"
        assert set(finding.details["wrong"].values()) == {"CREATING", "missing"}
        assert set(finding.details["wrong"]) <= {index.name for index in INDEXES}
        assert "squidie migrate" in finding.hint

    def test_tells_where_tombstones_stay(self, storage: DynamodbStorage) -> None:
        client: Any = storage.table.calls.client
        specification = {"Enabled": False, "AttributeName": "expires"}
        client.update_time_to_live(TableName=storage.table.name, TimeToLiveSpecification=specification)
        finding = found(storage)["expiry"]
        assert (finding.status, finding.message) == ("warn", "time to live is DISABLED")

    @pytest.mark.parametrize(("ahead", "status"), [(0, "ok"), (1, "ok"), (-2, "ok"), (60, "fail"), (-60, "fail")])
    def test_tells_of_a_clock_that_is_off(self, storage: DynamodbStorage, ahead: int, status: str) -> None:
        def change(parsed: dict[str, Any]) -> None:
            then = datetime.fromtimestamp(int(time.time()), UTC) + timedelta(seconds=ahead)
            parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = format_datetime(then, usegmt=True)

        with answering(storage, "DescribeTable", change):
            assert found(storage)["skew"].status == status

    def test_says_what_a_role_may_not_see(self, storage: DynamodbStorage) -> None:
        def deny(parsed: dict[str, Any]) -> None:
            parsed.clear()
            parsed |= {
                "Error": {"Code": "AccessDeniedException", "Message": "not authorized"},
                "ResponseMetadata": {"HTTPStatusCode": 400},
            }

        events = events_of(storage)

        def refused(http_response: Any, parsed: dict[str, Any], **_: object) -> None:
            http_response.status_code = 400
            deny(parsed)

        events.register("after-call.dynamodb.DescribeTimeToLive", refused)
        findings = found(storage)
        assert (findings["expiry"].status, findings["table"].status) == ("ok", "ok")
        assert "dynamodb:DescribeTimeToLive" in findings["expiry"].message
        events.register("after-call.dynamodb.DescribeTable", refused)
        assert [(finding.check, finding.status) for finding in storage.health()] == [("table", "ok")]

    def test_cannot_be_told_once_it_is_closed(self, storage: DynamodbStorage) -> None:
        storage.close()
        with pytest.raises(Unavailable):
            storage.health()
