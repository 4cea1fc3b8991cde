"""The table: its keys and indexes, and which versions of it this client works with.

| index | sorted by | holds |
|---|---|---|
| `due` | priority and time, for each part of a queue | runs that wait for a worker or a time, and tombstones |
| `listing` | start | every run |
| `threads` | thread id | every run |

All are sparse: an item is in an index while it has the attributes of its key.
"""

from __future__ import annotations

from typing import Any

from squidie_core.dataclass import record
from squidie_core.errors import SchemaError
from squidie_storage_dynamodb.values import Item

VERSION = 1
"""The version that this client was written for."""

OLDEST_SCHEMA = 1
"""The oldest version that this client works with."""

DUE_INDEX, LISTING_INDEX, THREADS_INDEX = "due", "listing", "threads"
TTL_ATTRIBUTE = "expires"

KEY = (("pk", "HASH"), ("sk", "RANGE"))
ATTRIBUTES = {"pk": "S", "sk": "S", "due_queue": "S", "due": "N", "home": "S", "started": "S"}
"""Types of the attributes that occur in keys."""


@record(frozen=True, slots=True)
class Index:
    """A global secondary index. `holds`: the attributes beside the keys."""

    name: str
    key: tuple[tuple[str, str], tuple[str, str]]
    holds: tuple[str, ...] = ()

    def definition(self) -> dict[str, Any]:
        """As CreateTable and CloudFormation have it."""
        projection: dict[str, Any] = {"ProjectionType": "INCLUDE" if self.holds else "KEYS_ONLY"}
        if self.holds:
            projection["NonKeyAttributes"] = list(self.holds)
        return {"IndexName": self.name, "KeySchema": key_schema(self.key), "Projection": projection}


INDEXES = (
    Index(DUE_INDEX, (("due_queue", "HASH"), ("due", "RANGE")), ("needs", "min_reader")),
    Index(LISTING_INDEX, (("home", "HASH"), ("started", "RANGE")), ("workflow", "status", "queue", "tags", "held")),
    Index(THREADS_INDEX, (("home", "HASH"), ("pk", "RANGE"))),
)


@record(frozen=True, slots=True)
class MigrationReport:
    """What a migration did. `from_version` is 0 where there was nothing."""

    from_version: int
    to_version: int


@record(frozen=True, slots=True)
class Throughput:
    """Provisioned units of the table and of each index."""

    read: int
    write: int

    def definition(self) -> dict[str, int]:
        """As CreateTable and CloudFormation have it."""
        return {"ReadCapacityUnits": self.read, "WriteCapacityUnits": self.write}


def key_schema(key: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    """As CreateTable and CloudFormation have it."""
    return [{"AttributeName": name, "KeyType": kind} for name, kind in key]


def attribute_definitions() -> list[dict[str, str]]:
    """As CreateTable and CloudFormation have it."""
    return [{"AttributeName": name, "AttributeType": kind} for name, kind in ATTRIBUTES.items()]


def definition(table: str, throughput: Throughput | None) -> dict[str, Any]:
    """The table for CreateTable; on demand where no throughput is given."""
    indexes = [index.definition() for index in INDEXES]
    if throughput is None:
        billing: dict[str, Any] = {"BillingMode": "PAY_PER_REQUEST"}
    else:
        billing = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": throughput.definition()}
        indexes = [{**index, "ProvisionedThroughput": throughput.definition()} for index in indexes]
    return {
        "TableName": table,
        "KeySchema": key_schema(KEY),
        "AttributeDefinitions": attribute_definitions(),
        **billing,
        "GlobalSecondaryIndexes": indexes,
    }


def check(record: Item | None, place: str) -> None:
    """Raise SchemaError unless this client works with the table, whose record this is."""
    if record is None:
        raise SchemaError(f"{place} has no record of Squidie's tables; run `squidie migrate URL`")
    version, oldest_client = record["version"], record["oldest_client"]
    details = {"version": version, "oldest_client": oldest_client, "client": VERSION}
    if version < OLDEST_SCHEMA:
        raise SchemaError(
            f"{place} is in version {version}, this client needs {OLDEST_SCHEMA} or later; run `squidie migrate URL`",
            details=details,
        )
    if oldest_client > VERSION:
        raise SchemaError(
            f"{place} is in version {version}, which no client older than {oldest_client} works with, and this one is "
            f"{VERSION}; upgrade squidie-storage-dynamodb",
            details=details,
        )
