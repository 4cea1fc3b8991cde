"""Commits: each one request, a conditional write of one item or a transaction of several; many at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field

from squidie_core.adapters.accepting import check_threads_differ, fault
from squidie_core.dataclass import dataclass
from squidie_core.errors import Corrupt, TooLarge, Unavailable
from squidie_core.journal.commit import (
    COMMITTED,
    NO_HEAD,
    Append,
    Busy,
    Commit,
    CommitResult,
    Conflict,
    Refused,
)
from squidie_storage_dynamodb.appending import Plan, first_plan, fitted, nudge
from squidie_storage_dynamodb.calls import backoff
from squidie_storage_dynamodb.checking import MAX_APPENDS
from squidie_storage_dynamodb.checking import fault as fault_of_append
from squidie_storage_dynamodb.expressions import put
from squidie_storage_dynamodb.failures import Declined, unstorable
from squidie_storage_dynamodb.keys import fits
from squidie_storage_dynamodb.reading import commit_at
from squidie_storage_dynamodb.runs import Run, read_run
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item

_TRANSACTION_ITEMS = 100
_TRANSACTION_BYTES = 4_000_000
_REST_OF_A_HEAD = 4_000  # bytes beside the commit, about; a transaction counts whole items
_TRIES_WHILE_HELD = 5
_MOST_TRIES = 40
_FIRST_PAUSE = 0.005


@dataclass(slots=True)
class Attempt:
    """A commit on its way: how each append is to be written, and which runs are to be nudged with it."""

    plans: dict[str, Plan]
    nudges: dict[str, bool]
    """The runs to be nudged, and whether each is known to have ended."""
    later: list[str] = field(default_factory=list[str])
    """To be nudged when the commit is there: others were at them, or a transaction holds no more."""
    held: int = 0
    """How often others were at one of the heads."""
    unknown: bool = False
    """Whether a try may have taken effect that was not answered."""

    def leave_for_later(self, thread_ids: Collection[str]) -> None:
        """Nudge these afterwards."""
        self.later += thread_ids
        for thread_id in thread_ids:
            del self.nudges[thread_id]

    def learn(self, thread_id: str, run: Run | None) -> None:
        """A nudge cannot be as it was meant, because the run is this."""
        if run is None:
            del self.nudges[thread_id]
        else:
            self.nudges[thread_id] = run.index.ended_at is not None


def commit_all(table: Table, commits: Sequence[Commit], now: Callable[[], int]) -> list[CommitResult]:
    """Results in the order of the commits; each took effect whole or not at all.

    Unavailable says `unknown` as soon as any of them may have taken effect. Raises OptionError for a thread that occurs
    twice.
    """
    check_threads_differ(commits)
    outcomes = table.each(lambda commit: _outcome(table, commit, now), commits)
    failures = [outcome for outcome in outcomes if isinstance(outcome, Unavailable)]
    if failures:
        effect = any(failure.outcome == "unknown" for failure in failures) or COMMITTED in outcomes
        first = failures[0]
        raise Unavailable(first.message, outcome="unknown" if effect else "none") from first.__cause__
    return [outcome for outcome in outcomes if not isinstance(outcome, Unavailable)]


def _outcome(table: Table, commit: Commit, now: Callable[[], int]) -> CommitResult | Unavailable:
    found = fault(commit, max_appends=MAX_APPENDS, of_append=fault_of_append)
    if found is not None:
        return Refused(found)
    try:
        return _commit(table, commit, now)
    except Unavailable as error:
        return error
    except Corrupt as error:
        return Refused(error)
    except Declined as declined:
        return Refused(unstorable(str(declined)))


def _commit(table: Table, commit: Commit, now: Callable[[], int]) -> CommitResult:
    own = {append.thread_id for append in commit.appends}
    nudges = sorted(set(commit.nudges))
    plans = {append.thread_id: first_plan(append, nudges) for append in commit.appends}
    large = _too_large(plans.values())
    if large is not None:
        return Refused(large)
    attempt = Attempt(plans, {thread_id: False for thread_id in nudges if thread_id not in own and fits(thread_id)})
    if not plans:
        _nudge_each(table, list(attempt.nudges), now)
        return COMMITTED
    for _ in range(_MOST_TRIES):
        result = _try(table, attempt, now)
        if result == COMMITTED:
            _nudge_each(table, attempt.later, now)
        if result is not None:
            return result
    if attempt.unknown:
        raise Unavailable("DynamoDB did not answer, and then others were at these runs", outcome="unknown")
    return Busy(tuple(plans))


def _too_large(plans: Collection[Plan]) -> TooLarge | None:
    size = sum(len(plan.packed) + _REST_OF_A_HEAD for plan in plans)
    items = len(plans) + sum(plan.pieces for plan in plans)
    if size <= _TRANSACTION_BYTES and items <= _TRANSACTION_ITEMS:
        return None
    return TooLarge(
        f"the commit takes {size:,} bytes in {items} items; DynamoDB writes at most {_TRANSACTION_BYTES:,} in "
        f"{_TRANSACTION_ITEMS} at once; make several commits of it",
        details={"bytes": size, "items": items},
    )


def _try(table: Table, attempt: Attempt, now: Callable[[], int]) -> CommitResult | None:
    """Send it once. None: try again, with the attempt as it is now."""
    unseen = [plan for plan in attempt.plans.values() if plan.needs_the_run]
    if unseen:
        verdict = _look(table, attempt, unseen)
        if verdict is not None:
            return verdict
    try:
        for plan in attempt.plans.values():
            _move_out(table, plan)
        _send(table, attempt, now())
    except Declined as declined:
        attempt.unknown = attempt.unknown or declined.unknown
        if declined.why == "condition":
            return _failed(table, attempt, declined)
        if declined.why == "conflict":
            return _held(table, attempt, declined)
        raise
    return COMMITTED


def _move_out(table: Table, plan: Plan) -> None:
    """Write what the tail holds to an item of its own, unless somebody did: there is one such item, and no other."""
    for item in plan.items_before(table.keys):
        try:
            table.put(item, "attribute_not_exists(#pk)")
        except Declined as declined:
            if declined.why != "condition":
                raise


def _send(table: Table, attempt: Attempt, now: int) -> None:
    plans = attempt.plans.values()
    actions = [plan.action(table.name, table.keys, now) for plan in plans]
    beside = [item for plan in plans for item in plan.items_beside(table.keys)]
    if len(actions) == 1 and not beside and not attempt.nudges:
        ((kind, request),) = actions
        table.write("put_item" if kind == "Put" else "update_item", request)
        return
    attempt.leave_for_later(list(attempt.nudges)[_TRANSACTION_ITEMS - len(actions) - len(beside) :])
    table.transact(
        [
            *({kind: request} for kind, request in actions),
            *({"Update": nudge(table.name, table.keys, t, now, ended=ended)} for t, ended in attempt.nudges.items()),
            *({"Put": put(table.name, item)} for item in beside),
        ]
    )


def _failed(table: Table, attempt: Attempt, declined: Declined) -> CommitResult | None:
    """A condition did not hold: somebody was faster, or it was written before, or it must be written otherwise."""
    plans = list(attempt.plans.values())
    reasons = declined.reasons
    if not reasons:
        return _judge(table, attempt, {plans[0].append.thread_id: declined.item})
    failed = [reason.code == "ConditionalCheckFailed" for reason in reasons]
    for thread_id, reason in list(zip(attempt.nudges, reasons[len(plans) :], strict=False)):
        if reason.code == "ConditionalCheckFailed":
            attempt.learn(thread_id, read_run(table.keys, reason.item))
    found = {p.append.thread_id: r.item for p, r, is_stale in zip(plans, reasons, failed, strict=False) if is_stale}
    return _judge(table, attempt, found)


def _held(table: Table, attempt: Attempt, declined: Declined) -> CommitResult | None:
    """Another transaction was at one of the items."""
    attempt.held += 1
    codes = [reason.code for reason in declined.reasons]
    of_nudges = codes[len(attempt.plans) : len(attempt.plans) + len(attempt.nudges)]
    if codes and "TransactionConflict" not in codes[: len(attempt.plans)]:
        attempt.leave_for_later(
            [t for t, code in zip(attempt.nudges, of_nudges, strict=True) if code == "TransactionConflict"]
        )
        return None
    if attempt.held % _TRIES_WHILE_HELD:
        time.sleep(backoff(attempt.held, first=_FIRST_PAUSE))
        return None
    verdict = _look(table, attempt, list(attempt.plans.values()))
    if verdict is None and not attempt.unknown:
        return Busy(tuple(attempt.plans))
    return verdict


def _look(table: Table, attempt: Attempt, plans: Sequence[Plan]) -> CommitResult | None:
    """Judge by the heads as they are now."""
    found: dict[str, Item | None] = {plan.append.thread_id: None for plan in plans}
    for item in table.get_many(table.keys.head(thread_id) for thread_id in found):
        found[table.keys.thread_id(item["pk"])] = item
    return _judge(table, attempt, found)


def _judge(table: Table, attempt: Attempt, found: Mapping[str, Item | None]) -> CommitResult | None:
    """What became of the commit, by what these heads are. None: all are as expected, and the plans now fit them."""
    moved: list[str] = []
    for thread_id, item in found.items():
        plan = attempt.plans[thread_id]
        run = read_run(table.keys, item)
        if run is not None and _has(table, run, plan.append):
            return COMMITTED
        if (NO_HEAD if item is None else run and run.head) != plan.append.expected:
            moved.append(thread_id)
        elif run is not None:
            attempt.plans[thread_id] = fitted(plan, run)
    return Conflict(tuple(moved)) if moved else None


def _has(table: Table, run: Run, append: Append) -> bool:
    """Whether the append took effect: its commit id stands where it wanted to write."""
    if run.head.rev <= append.expected.rev:
        return False
    there = commit_at(table, run, append.expected.rev + 1)
    return there is not None and there.commit_id == append.commit_id


def _nudge_each(table: Table, thread_ids: Sequence[str], now: Callable[[], int]) -> None:
    """Nudge runs that exist; one that others are at all the time goes without."""
    for thread_id in thread_ids:
        ended = False
        for tries in range(_TRIES_WHILE_HELD):
            try:
                table.write("update_item", nudge(table.name, table.keys, thread_id, now(), ended=ended))
            except Declined as declined:
                run = read_run(table.keys, declined.item)
                if declined.why == "conflict":
                    time.sleep(backoff(tries, first=_FIRST_PAUSE))
                elif run is None:
                    break
                else:
                    ended = run.index.ended_at is not None
            else:
                break
