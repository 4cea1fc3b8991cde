"""The commands of a run, as they are listed: which of them repeat another."""

from __future__ import annotations

from typing import Any, NoReturn

from squidie_core.inspection.commands import command_views
from squidie_core.state import Receipt


def receipt(signal: str, key: str | None = None, /, **payload: Any) -> Receipt:
    return Receipt(1, signal, key, "sam", None, payload, {})


def duplicates(*receipts: Receipt) -> list[bool]:
    views = command_views(receipts)
    assert [view.signal for view in views] == [each.signal for each in receipts]
    return [view.duplicate for view in views]


def test_with_a_key_the_key_says_so() -> None:
    assert duplicates(
        receipt("resume_run", "k", gate="one"),
        receipt("resume_run", "k", gate="two"),
        receipt("resume_run", "l", gate="one"),
        receipt("approve_run", "k"),
        receipt("resume_run", gate="one"),
    ) == [False, True, False, False, False]


def test_without_one_what_is_asked_for_says_so() -> None:
    assert duplicates(
        receipt("resume_run", gate="one", n=1),
        receipt("resume_run", gate="two", n=1),
        receipt("resume_run", n=1, gate="one"),
        receipt("approve_run", gate="one", n=1),
    ) == [False, False, True, False]


def test_none_and_one_are_no_duplicates() -> None:
    assert duplicates() == []
    assert duplicates(receipt("start_run")) == [False]


def test_none_is_compared_with_each_of_the_others() -> None:
    class Payload(dict[str, Any]):
        def __eq__(self, _other: object) -> NoReturn:
            raise AssertionError("compared")

        __hash__ = None

    given = [Receipt(1, "resume_run", None, "sam", None, Payload(gate=n % 7), {}) for n in range(50)]
    assert sum(duplicates(*given)) == 43
