"""What a run costs in capacity units, by DynamoDB's own count; the README states the same figures."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from squidie_contract.engine.appends import FAR_FUTURE, OFFERS, append, write
from squidie_core import Squidie, Workflow, sequence, step, trigger
from squidie_core.journal.commit import Append, Commit
from squidie_storage_dynamodb import DynamodbStorage
from tests.storage_dynamodb.stores import Open

README = Path(__file__).parents[2] / "squidie_storage_dynamodb" / "README.md"
_WRITES = ("PutItem", "UpdateItem", "TransactWriteItems", "DeleteItem", "BatchWriteItem")


@dataclass
class Errand:
    ring_id: str
    bearer: str = "Frodo"


def pack(ring_id: str) -> dict[str, int]:
    return {"bread": len(ring_id)}


def cross(bread: int) -> dict[str, str | int]:
    return {"route": "moria", "days": bread * 4}


def toss(route: str) -> dict[str, bool]:
    return {"done": bool(route)}


class RingErrand(Workflow, name="ring-errand"):
    begin = trigger.manual(Errand)
    pack = step(pack)
    cross = step(cross)
    toss = step(toss)
    transitions = sequence(pack, cross, toss)


@contextmanager
def units(storage: DynamodbStorage) -> Generator[Callable[[], tuple[float, float]]]:
    """Count what is consumed: writes and reads, since the last look."""
    spent: Counter[str] = Counter()
    client: Any = storage.table.calls.client
    events = client.meta.events

    def ask(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "ReturnConsumedCapacity": "TOTAL"}

    def note(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        consumed: Any = parsed.get("ConsumedCapacity", {"CapacityUnits": 0})
        by_table = [consumed] if "CapacityUnits" in consumed else consumed
        spent["writes" if model.name in _WRITES else "reads"] += sum(one["CapacityUnits"] for one in by_table)

    def look() -> tuple[float, float]:
        found = spent["writes"], spent["reads"]
        spent.clear()
        return found

    events.register("provide-client-params.dynamodb", ask)
    events.register("after-call.dynamodb", note)
    try:
        yield look
    finally:
        events.unregister("provide-client-params.dynamodb", ask)
        events.unregister("after-call.dynamodb", note)


@pytest.fixture
def spent(storage: DynamodbStorage) -> Iterator[Callable[[], tuple[float, float]]]:
    with units(storage) as look:
        yield look


@pytest.fixture
def stated() -> dict[str, tuple[float, float]]:
    """Give the figures of the README's table, by their first column."""
    rows = re.findall(r"^\| ([^|]+?) \| ([0-9.]+) \| ([0-9.]+) \|$", README.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: (float(writes), float(reads)) for name, writes, reads in rows}


def drained(storage: DynamodbStorage) -> list[Append]:
    """The appends of a run of three steps, each of which took a commit to claim and one to end."""
    seen: list[Append] = []
    commit = storage.commit

    def watch(commits: Any) -> Any:
        seen.extend(one for each in commits for one in each.appends)
        return commit(commits)

    storage.commit = watch  # type: ignore[method-assign]  # what the runtime writes, seen on its way
    squidie = Squidie(storage, workflows=[RingErrand])
    run = squidie.start(RingErrand.begin, Errand("one"))
    squidie.drain()
    assert squidie.inspect_run(run).status == "completed"
    return [with_lease_until(FAR_FUTURE, one) for one in seen]


def with_lease_until(end: int, one: Append) -> Append:
    """Leases end at a third of their length, so those of one run mostly end together; here always."""
    is_claimed = one.index.wake_at is not None and one.index.wake_at > one.index.started_at + 5_000
    return replace(one, index=replace(one.index, wake_at=end)) if is_claimed else one


def chained(appends: list[Append], thread_id: str) -> list[Append]:
    """The same run as a worker writes it that claims the next step with the end of the one before."""
    start, *rest = [replace(one, thread_id=thread_id) for one in appends]
    claim, *others = rest
    *pairs, end = others
    joined = [joined_with(a, b) for a, b in zip(pairs[::2], pairs[1::2], strict=True)]
    written = [start]
    for one in (claim, *joined, end):
        written.append(replace(one, expected=written[-1].head))
    return written


def joined_with(first: Append, second: Append) -> Append:
    return replace(second, count=first.count + second.count, body=f"{first.body[:-1]},{second.body[1:]}")


class TestARunOfThreeSteps:
    def test_costs_what_the_readme_says_where_its_worker_goes_on_with_it(
        self, open_: Open, storage: DynamodbStorage, spent: Callable[[], tuple[float, float]], stated: Any
    ) -> None:
        appends = chained(drained(open_()), "01a1fe1c-1bd0-7fd8-88d2-5d36763eab69")
        assert len(appends) == 5
        write(storage, *appends)
        assert spent() == (stated["run of three steps, claimed once"][0], 0)

    def test_costs_what_the_readme_says_where_each_step_is_claimed_by_itself(
        self, open_: Open, storage: DynamodbStorage, spent: Callable[[], tuple[float, float]], stated: Any
    ) -> None:
        appends = [replace(one, thread_id="01a1fe1c-1bd0-7fd8-88d2-5d36763eab69") for one in drained(open_())]
        assert len(appends) == 7
        write(storage, *appends)
        assert spent() == (stated["run of three steps, each claimed by itself"][0], 0)


class TestAnOperation:
    def test_costs_what_the_readme_says(
        self, storage: DynamodbStorage, spent: Callable[[], tuple[float, float]], stated: Any
    ) -> None:
        """With the small index rows and entries of these tests."""
        found: dict[str, tuple[float, float]] = {}
        storage.due("default", offers=OFFERS, limit=10, reserve_for=0)
        found["poll of a queue without runs"] = spent()
        write(storage, append("due"))
        spent()
        storage.due("default", offers=OFFERS, limit=10, reserve_for=0)
        found["poll that finds one run"] = spent()
        storage.load(["due"])
        found["loading a run that fits into its head"] = spent()
        storage.commit([Commit((append(f"asleep {i}", queue="beds", wake_at=FAR_FUTURE),)) for i in range(60)])
        spent()
        storage.due("beds", offers=OFFERS, limit=10, reserve_for=0)
        found["poll of a queue whose runs all sleep"] = spent()
        assert {name: stated[name] for name in found} == found
