"""boto3: a conditional update for an append, as many of them for several; a claim asks each part of the due index."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3

from benchmarks.bare import OFFERS, RESERVE_FOR, Claimed
from squidie_core.journal.commit import Append, StoredCommit
from squidie_storage_dynamodb.keys import BAND, SHARDS
from squidie_storage_dynamodb.packing import pack, unpack_each

_PRIORITIES = 10

_APPEND = (
    "SET #rev = :rev, #commit_id = :commit_id, #status = :status, #needs = :needs, #updated_at = :now, "
    "#stamp = #stamp + :one, #tail = list_append(#tail, :commits), #tail_bytes = #tail_bytes + :bytes"
)
_SLEEPS = ", #wake_at = :wake_at, #due_queue = #queue_key, #due = #due_base + :wake_at REMOVE #parked_until"
_ENDS = ", #ended_at = :ended_at REMOVE #wake_at, #due_queue, #due, #parked_until"
_EXPECTED = "#rev = :was_rev AND #commit_id = :was_commit_id AND #tail_bytes <= :room"
_TAIL_BYTES = 3_000


class BareDynamodb:
    """A client with its defaults. A claim is known to this object alone, as it is with our adapter."""

    def __init__(self, url: str, namespace: str) -> None:
        parts = urlsplit(url)
        self._table = parts.netloc
        self._namespace = namespace
        self._client: Any = boto3.client("dynamodb", endpoint_url=parse_qs(parts.query)["endpoint"][0])  # pyright: ignore[reportUnknownMemberType]
        self._reserved: dict[str, int] = {}

    def append(self, appends: Sequence[Append]) -> int:
        """An update each, one after the other: threads of one process gain nothing here."""
        return sum(map(self._append, appends))

    def _append(self, append: Append) -> bool:
        index = append.index
        rev, previous = append.expected
        packed = pack([StoredCommit(rev + 1, append.count, append.commit_id, previous, append.body)])
        values: dict[str, Any] = {
            ":rev": {"N": str(rev + append.count)},
            ":commit_id": {"N": str(append.commit_id)},
            ":status": {"S": index.status},
            ":needs": {"L": [{"S": need} for need in index.needs]},
            ":now": {"N": str(time.time_ns() // 1_000_000)},
            ":one": {"N": "1"},
            ":commits": {"L": [{"B": packed}]},
            ":bytes": {"N": str(len(packed))},
            ":was_rev": {"N": str(rev)},
            ":was_commit_id": {"N": str(previous)},
            ":room": {"N": str(_TAIL_BYTES - len(packed))},
        }
        update = _APPEND + (_SLEEPS if index.wake_at is not None else _ENDS)
        if index.wake_at is not None:
            values[":wake_at"] = {"N": str(index.wake_at)}
        else:
            values[":ended_at"] = {"N": str(index.ended_at)}
        words = {word.strip(",()") for word in f"{update} {_EXPECTED}".split() if "#" in word}
        try:
            self._client.update_item(
                TableName=self._table,
                Key=self._key(append.thread_id),
                UpdateExpression=update,
                ConditionExpression=_EXPECTED,
                ExpressionAttributeNames={f"#{word.rpartition('#')[2]}": word.rpartition("#")[2] for word in words},
                ExpressionAttributeValues=values,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _key(self, run_id: str) -> dict[str, Any]:
        return {"pk": {"S": f"{self._namespace}/run/{run_id}"}, "sk": {"S": "head"}}

    def claim(self, queue: str, limit: int) -> list[Claimed]:
        """A query of each part, and a strongly consistent read of the heads that are taken."""
        now = time.time_ns() // 1_000_000
        found: list[tuple[int, str]] = []
        for shard in range(SHARDS):
            answer = self._client.query(
                TableName=self._table,
                IndexName="due",
                KeyConditionExpression="#due_queue = :part AND #due BETWEEN :least AND :most",
                ExpressionAttributeNames={"#due_queue": "due_queue", "#due": "due"},
                ExpressionAttributeValues={
                    ":part": {"S": f"{self._namespace}/{shard}/{queue}"},
                    ":least": {"N": "0"},
                    ":most": {"N": str(_PRIORITIES * BAND)},
                },
                Limit=limit + 4,
            )
            for item in answer["Items"]:
                run_id, due = item["pk"]["S"].rpartition("/")[2], int(item["due"]["N"])
                is_offered = any(need["S"] in OFFERS for need in item["needs"]["L"])
                if due % BAND <= now and is_offered and self._reserved.get(run_id, 0) <= now:
                    found.append((due, run_id))
        taken = [run_id for _, run_id in sorted(found)[:limit]]
        if not taken:
            return []
        request = {self._table: {"Keys": [self._key(run_id) for run_id in taken], "ConsistentRead": True}}
        heads = self._client.batch_get_item(RequestItems=request)["Responses"][self._table]
        self._reserved |= dict.fromkeys(taken, now + RESERVE_FOR)
        return [
            Claimed(
                head["pk"]["S"].rpartition("/")[2],
                int(head["rev"]["N"]),
                int(head["commit_id"]["N"]),
                [commit.body for commit in unpack_each([packed["B"] for packed in head["tail"]["L"]])],
            )
            for head in heads
        ]

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
