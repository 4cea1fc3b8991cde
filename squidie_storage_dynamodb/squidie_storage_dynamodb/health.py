"""How the table does: its indexes, what removes tombstones, and this machine's clock against DynamoDB's."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from squidie_core.errors import StorageError, Unavailable
from squidie_core.ports import Finding
from squidie_storage_dynamodb.calls import Calls
from squidie_storage_dynamodb.schema import INDEXES, TTL_ATTRIBUTE

_NOT_ALLOWED = "AccessDeniedException"


def examine(calls: Calls, table: str, *, max_skew: int) -> list[Finding]:
    """Three findings, or fewer where the role may not look; `max_skew` in milliseconds."""
    asked = time.time()
    described = _allowed(calls, "describe_table", table)
    answered = time.time()
    if described is None:
        return [_unseen("table", "DescribeTable")]
    to_live = _allowed(calls, "describe_time_to_live", table)
    date = described.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date")
    return [
        _table(described["Table"]),
        _unseen("expiry", "DescribeTimeToLive") if to_live is None else _expiry(to_live["TimeToLiveDescription"]),
        *([] if date is None else [_clock(parsedate_to_datetime(date).timestamp(), asked, answered, max_skew / 1000)]),
    ]


def _allowed(calls: Calls, operation: str, table: str) -> dict[str, Any] | None:
    """The answer; None where the role has no right to it."""
    try:
        return calls.read(operation, {"TableName": table})
    except Unavailable:
        raise
    except StorageError as error:
        if error.details.get("aws_code") != _NOT_ALLOWED:
            raise
        return None


def _unseen(check: str, right: str) -> Finding:
    return Finding(check=check, status="ok", message=f"cannot be seen by this role, which has no dynamodb:{right}")


def _table(described: Mapping[str, Any]) -> Finding:
    states = {index["IndexName"]: str(index["IndexStatus"]) for index in described.get("GlobalSecondaryIndexes", ())}
    wrong = {index.name: states.get(index.name, "missing") for index in INDEXES if states.get(index.name) != "ACTIVE"}
    if described["TableStatus"] not in ("ACTIVE", "UPDATING"):
        wrong = {"the table": str(described["TableStatus"]), **wrong}
    told = ", ".join(f"{name} is {state}" for name, state in wrong.items())
    billing = described.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    return Finding(
        check="table",
        status="fail" if wrong else "ok",
        message=told or f"the table and its {len(INDEXES)} indexes are active, {billing}",
        hint="run `squidie migrate URL`, which waits until all is there" if wrong else "",
        details={"billing": billing, "bytes": described.get("TableSizeBytes", 0), "wrong": wrong},
    )


def _expiry(to_live: Mapping[str, Any]) -> Finding:
    status = to_live.get("TimeToLiveStatus", "DISABLED")
    works = status in ("ENABLED", "ENABLING") and to_live.get("AttributeName") == TTL_ATTRIBUTE
    return Finding(
        check="expiry",
        status="ok" if works else "warn",
        message=f"time to live is {status}"
        + (f" for {to_live['AttributeName']}" if "AttributeName" in to_live else ""),
        hint="" if works else f"run `squidie migrate URL`, which enables it for {TTL_ATTRIBUTE}",
        details={"status": status},
    )


def _clock(second: float, asked: float, answered: float, max_skew: float) -> Finding:
    """By the second in which DynamoDB answered, and when it was asked and had answered by this machine's clock."""
    ahead, behind = asked - (second + 1), second - answered
    off = max(ahead, behind, 0.0)
    wrong = off > max_skew
    direction = "ahead of" if ahead > behind else "behind"
    return Finding(
        check="skew",
        status="fail" if wrong else "ok",
        message=f"this machine's clock is {off:.0f} seconds {direction} DynamoDB's"
        if wrong
        else f"this machine's clock is within {max_skew:g} seconds of DynamoDB's",
        hint="set it by NTP: leases and due times go by the clocks of the clients" if wrong else "",
        details={"seconds": round(off, 3)},
    )
