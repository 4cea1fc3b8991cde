"""Answers that never come, and answers that say no for a while: nothing is lost, nothing takes effect twice."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from squidie_contract.engine.appends import (
    FAR_FUTURE,
    OFFERS,
    append,
    commits_of,
    due_ids,
    fold,
    history,
    loaded,
    stored,
    write,
)
from squidie_core.errors import StorageError, Unavailable
from squidie_core.journal.commit import COMMITTED, Append, Busy, Commit, Conflict, Refused
from squidie_storage_dynamodb import DynamodbStorage
from squidie_storage_dynamodb.appending import nudge
from tests.storage_dynamodb.stores import Open
from tests.storage_dynamodb.wire import Wire, answer_with, cancelled, refusal

LARGE = secrets.token_hex(30_000)


class Shape:
    """A commit of one of the forms that take different requests, and what must be there once it has taken effect."""

    def __init__(self, name: str, storage: DynamodbStorage) -> None:
        (one,) = history(storage, "t", "first")
        write(storage, append("parent", wake_at=None))
        self.before = [one]
        self.appends: tuple[Append, ...]
        nudges: tuple[str, ...] = ()
        match name:
            case "start":
                self.operation, self.appends = "PutItem", (append("u"),)
            case "append":
                self.operation, self.appends = "UpdateItem", (append("t", one.head),)
            case "several":
                self.operation, self.appends = "TransactWriteItems", (append("t", one.head), append("u"))
            case "nudging":
                self.operation, self.appends = "TransactWriteItems", (append("t", one.head),)
                nudges = ("parent",)
            case "large":
                self.operation, self.appends = "TransactWriteItems", (append("t", one.head, LARGE),)
            case _:
                raise AssertionError(name)
        self.commit = Commit(self.appends, nudges)

    def expected(self, thread_id: str) -> list[Append]:
        return [one for one in (*self.before, *self.appends) if one.thread_id == thread_id]

    def assert_whole(self, storage: DynamodbStorage) -> None:
        for thread_id in ("t", "u"):
            assert commits_of(storage, thread_id) == [stored(one) for one in self.expected(thread_id)]
        assert storage.heads(["parent"])["parent"].nudges == len(self.commit.nudges)

    def assert_absent(self, storage: DynamodbStorage) -> None:
        self.appends = ()
        self.commit = Commit(())
        self.assert_whole(storage)


@pytest.fixture(params=["start", "append", "several", "nudging", "large"])
def shape(request: pytest.FixtureRequest, storage: DynamodbStorage) -> Shape:
    """Give a commit that has not been sent yet."""
    return Shape(request.param, storage)


class TestALostAnswer:
    def test_is_found_out_by_sending_the_same_again(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        watched.trouble(shape.operation, watched.lose_answer)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_lost_again_and_again_is_found_out_too(self, storage: DynamodbStorage, watched: Wire, shape: Shape) -> None:
        watched.trouble(shape.operation, watched.lose_answer, times=3)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_of_a_request_that_the_client_sent_twice_changes_nothing(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        watched.trouble(shape.operation, watched.twice)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_leaves_the_outcome_unknown_where_no_other_comes(
        self, open_: Open, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        storage.table.calls.retry_for = 0.2
        watched.trouble(shape.operation, watched.lose_answer)
        watched.trouble(shape.operation, watched.drop, times=99)
        with pytest.raises(Unavailable) as caught:
            storage.commit([shape.commit])
        assert caught.value.outcome == "unknown"
        shape.assert_whole(storage)
        assert open_().commit([shape.commit]) == [COMMITTED]
        shape.assert_whole(storage)

    def test_is_no_mere_conflict_though_others_have_written_since(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        (one,) = history(storage, "t", "a")
        mine = append("t", one.head, "mine")
        theirs = append("t", mine.head, "theirs")
        other = open_()

        def lose_and_overtake(request: Any) -> None:
            watched.deliver(request)
            write(other, theirs)
            watched.drop(request)

        watched.trouble("UpdateItem", lose_and_overtake)
        write(storage, mine)
        assert commits_of(storage, "t") == [stored(one), stored(mine), stored(theirs)]

    def test_is_no_mere_conflict_though_what_was_written_has_left_the_head(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        (one,) = history(storage, "t", "a")
        mine = append("t", one.head, "mine")
        other = open_()

        def lose_and_overtake(request: Any) -> None:
            watched.deliver(request)
            last = mine
            for _ in range(12):
                last = append("t", last.head, secrets.token_hex(600))
                write(other, last)
            watched.drop(request)

        watched.trouble("UpdateItem", lose_and_overtake)
        write(storage, mine)
        assert commits_of(storage, "t")[1] == stored(mine)

    def test_to_a_read_is_asked_for_again(self, storage: DynamodbStorage, watched: Wire) -> None:
        written = history(storage, "t", "a", "b")
        watched.trouble("BatchGetItem", watched.drop)
        assert loaded(storage, "t").head == written[-1].head
        assert watched.calm

    def test_to_a_read_had_no_effect_whatever_became_of_it(self, storage: DynamodbStorage, watched: Wire) -> None:
        storage.table.calls.retry_for = 0.1
        watched.trouble("BatchGetItem", watched.drop, times=99)
        with pytest.raises(Unavailable) as caught:
            storage.heads(["t"])
        assert caught.value.outcome == "none"


class TestSomethingThatNeverArrived:
    def test_is_sent_again(self, storage: DynamodbStorage, watched: Wire, shape: Shape) -> None:
        watched.trouble(shape.operation, watched.drop, times=2)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)


class TestThrottling:
    CODES = ("ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded")

    @pytest.mark.parametrize("code", CODES)
    def test_of_a_commit_is_waited_for(self, storage: DynamodbStorage, watched: Wire, shape: Shape, code: str) -> None:
        watched.trouble(shape.operation, refusal(code), times=3)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_of_one_item_of_a_transaction_is_waited_for(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        watched.trouble("TransactWriteItems", cancelled("None", "ThrottlingError"), times=2)
        assert storage.commit([shape.commit]) == [COMMITTED]
        shape.assert_whole(storage)

    def test_that_does_not_end_makes_the_store_unavailable_and_had_no_effect(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        storage.table.calls.retry_for = 0.1
        watched.trouble(shape.operation, refusal("ThrottlingException"), times=99)
        with pytest.raises(Unavailable, match="throttles") as caught:
            storage.commit([shape.commit])
        assert caught.value.outcome == "none"
        watched.troubles.clear()
        shape.assert_absent(storage)

    def test_of_a_read_is_waited_for(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("t"))
        for operation in ("BatchGetItem", "GetItem", "Query"):
            watched.trouble(operation, refusal("ThrottlingException"), times=2)
        assert list(storage.heads(["t"])) == ["t"]
        assert len(storage.read("t")) == 1
        assert due_ids(storage) == ["t"]
        assert watched.calm

    def test_of_some_keys_of_a_batch_is_waited_for(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("a"), append("b"))
        key = {"pk": {"S": storage.table.keys.run("a")}, "sk": {"S": "head"}}
        left = {storage.table.name: {"Keys": [key], "ConsistentRead": True}}

        def leave(request: Any) -> Any:
            return refusal("", status=200, Responses={storage.table.name: []}, UnprocessedKeys=left)(request)

        watched.trouble("BatchGetItem", leave)
        assert list(storage.heads(["a"])) == ["a"]
        assert watched.operations()[-2:] == ["BatchGetItem"] * 2

    def test_of_one_commit_leaves_the_outcome_of_its_group_unknown_where_another_took_effect(
        self, storage: DynamodbStorage, watched: Wire
    ) -> None:
        storage.table.calls.retry_for = 0.1
        watched.trouble(
            "PutItem",
            refusal("ThrottlingException"),
            times=99,
            only=lambda body: body["Item"]["pk"]["S"].endswith("/slow"),
        )
        group = [Commit((append("quick"),)), Commit((append("slow"),))]
        with pytest.raises(Unavailable) as caught:
            storage.commit(group)
        assert caught.value.outcome == "unknown"
        watched.troubles.clear()
        assert storage.commit(group) == [COMMITTED, COMMITTED]
        assert len(commits_of(storage, "quick")) == len(commits_of(storage, "slow")) == 1


class TestTransactionConflict:
    """Somebody else's transaction is at the item at this moment."""

    @staticmethod
    def conflict(shape: Shape) -> Any:
        if shape.operation != "TransactWriteItems":
            return refusal("TransactionConflictException")
        return cancelled("TransactionConflict", *(["None"] * (len(shape.appends) - 1 + len(shape.commit.nudges))))

    def test_is_tried_again(self, storage: DynamodbStorage, watched: Wire, shape: Shape) -> None:
        watched.trouble(shape.operation, self.conflict(shape), times=3)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_that_lasts_is_busy_and_had_no_effect(self, storage: DynamodbStorage, watched: Wire, shape: Shape) -> None:
        watched.trouble(shape.operation, self.conflict(shape), times=99)
        assert storage.commit([shape.commit]) == [Busy(tuple(one.thread_id for one in shape.appends))]
        watched.troubles.clear()
        shape.assert_absent(storage)

    def test_that_lasts_is_a_conflict_where_the_head_has_moved(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        (one,) = history(storage, "t", "a")
        write(open_(), append("t", one.head, "theirs"))
        watched.trouble("UpdateItem", refusal("TransactionConflictException"), times=99)
        assert storage.commit([Commit((append("t", one.head, "mine"),))]) == [Conflict(("t",))]

    def test_with_ones_own_lost_request_is_no_conflict(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        watched.trouble(shape.operation, watched.lose_answer)
        watched.trouble(shape.operation, self.conflict(shape), times=7)
        assert storage.commit([shape.commit]) == [COMMITTED]
        shape.assert_whole(storage)

    def test_at_a_nudged_run_does_not_hold_up_the_commit(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("parent", wake_at=None))
        watched.trouble("TransactWriteItems", cancelled("None", "TransactionConflict"))
        assert storage.commit([Commit((append("child", wake_at=None),), nudges=("parent",))]) == [COMMITTED]
        assert watched.operations()[-3:] == ["TransactWriteItems", "PutItem", "UpdateItem"]
        assert storage.heads(["parent"])["parent"].nudges == 1
        assert due_ids(storage) == ["parent"]

    def test_of_the_same_request_still_at_work_is_waited_for(
        self, storage: DynamodbStorage, watched: Wire, shape: Shape
    ) -> None:
        watched.trouble("TransactWriteItems", refusal("TransactionInProgressException"), times=2)
        assert storage.commit([shape.commit]) == [COMMITTED]
        shape.assert_whole(storage)


class TestARequestToken:
    def test_is_the_same_for_the_same_request_and_another_for_another(
        self, storage: DynamodbStorage, watched: Wire
    ) -> None:
        watched.trouble("TransactWriteItems", watched.lose_answer)
        for names in (("a", "b"), ("c", "d")):
            assert storage.commit([Commit(tuple(append(name) for name in names))]) == [COMMITTED]
        first, again, other = (body["ClientRequestToken"] for _, body in watched.sent)
        assert first == again != other
        assert 1 <= len(first) <= 36

    def test_makes_the_same_request_sent_again_harmless(self, storage: DynamodbStorage) -> None:
        write(storage, append("t"))
        again = [{"Update": nudge(storage.table.name, storage.table.keys, "t", 1, ended=False)}]
        for _ in range(3):
            storage.table.transact(again)
        assert storage.heads(["t"])["t"].nudges == 1

    def test_makes_up_for_a_nudge_whose_answer_was_lost(self, storage: DynamodbStorage, watched: Wire) -> None:
        write(storage, append("parent", wake_at=None))
        watched.trouble("TransactWriteItems", watched.lose_answer, times=2)
        assert storage.commit([Commit((append("child"),), nudges=("parent",))]) == [COMMITTED]
        assert storage.heads(["parent"])["parent"].nudges == 1


class TestTroubleOfTheServer:
    @pytest.mark.parametrize("code", ["InternalServerError", "ServiceUnavailable"])
    def test_is_tried_again(self, storage: DynamodbStorage, watched: Wire, shape: Shape, code: str) -> None:
        watched.trouble(shape.operation, refusal(code, status=500), times=2)
        assert storage.commit([shape.commit]) == [COMMITTED]
        assert watched.calm
        shape.assert_whole(storage)

    def test_that_lasts_leaves_the_outcome_unknown(self, storage: DynamodbStorage, watched: Wire, shape: Shape) -> None:
        storage.table.calls.retry_for = 0.1
        watched.trouble(shape.operation, refusal("InternalServerError", status=500), times=99)
        with pytest.raises(Unavailable) as caught:
            storage.commit([shape.commit])
        assert caught.value.outcome == "unknown"


class TestARefusal:
    def test_of_content_harms_no_other_commit(self, storage: DynamodbStorage, watched: Wire) -> None:
        watched.trouble(
            "PutItem",
            refusal("ValidationException", message="Item size has exceeded the maximum allowed size"),
            only=lambda body: body["Item"]["pk"]["S"].endswith("/odd"),
        )
        first, odd, third = storage.commit([Commit((append(name),)) for name in ("a", "odd", "c")])
        assert (first, third) == (COMMITTED, COMMITTED)
        assert isinstance(odd, Refused)
        assert isinstance(odd.error, StorageError)
        assert odd.error.code == "too_large"

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("AccessDeniedException", "storage"),
            ("ResourceNotFoundException", "schema"),
            ("UnrecognizedClientException", "unavailable"),
            ("ExpiredTokenException", "unavailable"),
        ],
    )
    def test_is_an_error_of_the_port(self, storage: DynamodbStorage, watched: Wire, code: str, error: str) -> None:
        watched.trouble("BatchGetItem", refusal(code))
        with pytest.raises(StorageError) as caught:
            storage.heads(["t"])
        assert caught.value.code == error

    def test_of_a_commit_for_lack_of_rights_is_raised(self, storage: DynamodbStorage, watched: Wire) -> None:
        watched.trouble("PutItem", refusal("AccessDeniedException"))
        with pytest.raises(StorageError):
            storage.commit([Commit((append("t"),))])


class TestAnIndexThatLags:
    """The emulator's indexes do not, so an answer of before is given again."""

    def test_shows_no_run_that_has_moved_on(self, open_: Open, storage: DynamodbStorage, watched: Wire) -> None:
        (one,) = history(storage, "t", "a")
        with_index = IndexAsItWas(storage, watched)
        write(open_(), append("t", one.head, wake_at=FAR_FUTURE))
        assert with_index.due() == []
        assert with_index.answered

    def test_shows_a_run_as_it_is_now(self, open_: Open, storage: DynamodbStorage, watched: Wire) -> None:
        (one,) = history(storage, "t", "a")
        with_index = IndexAsItWas(storage, watched)
        two = append("t", one.head, "b")
        write(open_(), two)
        (run,) = storage.due("default", offers=OFFERS, limit=5, reserve_for=0).runs
        assert with_index.answered
        assert run.head == two.head
        assert run.loaded is not None
        assert fold(run.loaded) == [one.body, two.body]

    def test_corrects_nothing_that_is_only_late(self, open_: Open, storage: DynamodbStorage, watched: Wire) -> None:
        (one,) = history(storage, "t", "a")
        with_index = IndexAsItWas(storage, watched)
        write(open_(), append("t", one.head, wake_at=FAR_FUTURE))
        watched.clear()
        assert with_index.due() == []
        assert "UpdateItem" not in watched.operations()

    def test_does_not_show_what_is_parked_or_quarantined_meanwhile(
        self, open_: Open, storage: DynamodbStorage, watched: Wire
    ) -> None:
        write(storage, append("parked"), append("bad"), append("unoffered"), append("good"))
        with_index = IndexAsItWas(storage, watched)
        other = open_()
        other.reserve("parked", until=FAR_FUTURE, reason="step_unavailable")
        other.quarantine("bad", reason="unreadable", by="operator")
        assert sorted(with_index.due()) == ["good", "unoffered"]


class IndexAsItWas:
    """Answers every look at the due index with what it said when this was made."""

    def __init__(self, storage: DynamodbStorage, watched: Wire) -> None:
        self._storage = storage
        self.answered = 0
        self._answers: dict[str, bytes] = {}
        watched.trouble("Query", self._remember, times=8, only=_looks_for_due)
        self._watched = watched
        storage.due("default", offers=OFFERS, limit=100, reserve_for=0)
        assert len(self._answers) == 8
        watched.trouble("Query", self._repeat, times=99, only=_looks_for_due)

    def due(self) -> list[str]:
        return due_ids(self._storage)

    def _remember(self, request: Any) -> Any:
        answer = self._watched.deliver(request)
        self._answers[_part(request)] = answer.content
        return answer

    def _repeat(self, request: Any) -> Any:
        self.answered += 1
        return answer_with(self._answers[_part(request)])(request)


def _looks_for_due(body: Any) -> bool:
    return bool(body.get("IndexName") == "due")


def _part(request: Any) -> str:
    part: str = json.loads(request.body)["ExpressionAttributeValues"][":part"]["S"]
    return part
