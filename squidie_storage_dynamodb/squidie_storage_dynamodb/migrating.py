"""Making the table, or what is missing of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from squidie_core.errors import SchemaError, StorageError, Unavailable
from squidie_storage_dynamodb import schema
from squidie_storage_dynamodb.calls import Calls
from squidie_storage_dynamodb.expressions import put
from squidie_storage_dynamodb.failures import Declined
from squidie_storage_dynamodb.keys import SCHEMA_KEY
from squidie_storage_dynamodb.schema import INDEXES, TTL_ATTRIBUTE, VERSION, Index, MigrationReport, Throughput
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Value

_PATIENCE = 600.0  # seconds; an index of a large table takes its time
_PAUSE = 1.0


def migrate(calls: Calls, table: Table, throughput: Throughput | None) -> MigrationReport:
    """Bring the table to the newest version; what is there already stays. Safe from several processes at once."""
    found = _described(calls, table.name)
    if found is None:
        _create(calls, table.name, throughput)
    found = _wait(calls, table.name, lambda description: description["TableStatus"] == "ACTIVE")
    _check_key(found, table.name)
    for index in INDEXES:
        if index.name not in _indexes(found):
            _add_index(calls, table.name, index, throughput)
    _wait(calls, table.name, lambda described: all(status == "ACTIVE" for status in _indexes(described).values()))
    _enable_ttl(calls, table.name)
    record = table.get(SCHEMA_KEY)
    from_version: int = 0 if record is None else record["version"]
    if from_version < VERSION:
        _record(calls, table.name)
    return MigrationReport(from_version, max(from_version, VERSION))


def _described(calls: Calls, table: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = calls.read("describe_table", {"TableName": table})["Table"]
    except SchemaError:
        return None
    return found


def _create(calls: Calls, table: str, throughput: Throughput | None) -> None:
    try:
        calls.write("create_table", schema.definition(table, throughput))
    except StorageError as error:
        if error.details.get("aws_code") != "ResourceInUseException":  # somebody else has just created it
            raise


def _add_index(calls: Calls, table: str, index: Index, throughput: Throughput | None) -> None:
    definition = index.definition()
    if throughput is not None:
        definition["ProvisionedThroughput"] = throughput.definition()
    request = {
        "TableName": table,
        "AttributeDefinitions": schema.attribute_definitions(),
        "GlobalSecondaryIndexUpdates": [{"Create": definition}],
    }
    try:
        calls.write("update_table", request)
    except (StorageError, Declined) as error:
        if index.name not in _indexes(_described(calls, table) or {}):  # somebody else is adding it
            raise SchemaError(f"the index {index.name} cannot be added to the table {table}: {error}") from error
    _wait(calls, table, lambda described: _indexes(described).get(index.name) == "ACTIVE")


def _wait(calls: Calls, table: str, is_done: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """What the table is when it is as wanted."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        found = _described(calls, table)
        if found is not None and is_done(found):
            return found
        time.sleep(_PAUSE)
    raise Unavailable(f"the table {table} was not ready within {_PATIENCE:.0f} seconds; run the migration again")


def _indexes(described: Mapping[str, Any]) -> dict[str, str]:
    """Their states."""
    return {index["IndexName"]: index["IndexStatus"] for index in described.get("GlobalSecondaryIndexes", ())}


def _check_key(described: Mapping[str, Any], table: str) -> None:
    if described["KeySchema"] != schema.key_schema(schema.KEY):
        raise SchemaError(f"the table {table} is not one of Squidie's: its key is not pk and sk; choose another name")


def _enable_ttl(calls: Calls, table: str) -> None:
    found = calls.read("describe_time_to_live", {"TableName": table})["TimeToLiveDescription"]
    if found.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
        specification = {"Enabled": True, "AttributeName": TTL_ATTRIBUTE}
        calls.write("update_time_to_live", {"TableName": table, "TimeToLiveSpecification": specification})


def _record(calls: Calls, table: str) -> None:
    record: dict[str, Value] = {**SCHEMA_KEY, "version": VERSION, "oldest_client": 1}
    try:
        calls.write("put_item", put(table, record, "attribute_not_exists(#pk) OR #version < :mine", mine=VERSION))
    except Declined:
        return  # somebody else has just written it
