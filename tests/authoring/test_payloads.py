"""What a start must give: checked and completed once."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NotRequired, TypedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.authoring import PayloadContract, Trigger, trigger
from squidie_core.authoring.payloads import read_contract
from squidie_core.errors import EncodingError, PayloadError

counter = itertools.count()


@dataclass
class Stop:
    name: str


@dataclass
class Errand:
    ring_id: str
    bearer: str = "Frodo"
    pieces: int = 1


@dataclass
class Journey:
    day: date
    stops: list[Stop] = field(default_factory=list[Stop])
    number: int = field(default_factory=lambda: next(counter))
    label: str = field(init=False, default="")

    def __post_init__(self) -> None:
        if len(self.stops) > 3:
            raise ValueError(self.stops)
        self.label = f"{self.day} in {len(self.stops)}"


class Request(TypedDict):
    order_id: str
    amount: int
    note: NotRequired[str]


def contract(declared: Trigger[Any]) -> PayloadContract:
    return PayloadContract("go", read_contract(declared))


ERRAND = contract(trigger.manual(Errand))
JOURNEY = contract(trigger.manual(Journey))
REQUEST = contract(trigger.manual(Request))
FIELDS = contract(trigger.manual(order_id=str, amount=int | None))
NOTHING = contract(trigger.manual())


def refusal(of: PayloadContract, value: Any) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        of.accept(value)
    assert caught.value.code == "invalid_payload"
    return caught.value


class TestDataclasses:
    def test_defaults_complete_the_payload_but_not_what_was_given(self) -> None:
        accepted = ERRAND.accept({"ring_id": "one"})
        assert accepted.payload == {"ring_id": "one", "bearer": "Frodo", "pieces": 1}
        assert accepted.given == {"ring_id": "one"}

    def test_instance_and_mapping_are_the_same_start(self) -> None:
        assert ERRAND.accept(Errand("one")) == ERRAND.accept({"ring_id": "one"})
        assert ERRAND.accept(Errand("one", "Sam")) == ERRAND.accept({"bearer": "Sam", "ring_id": "one"})
        assert ERRAND.accept({"ring_id": "one", "bearer": "Frodo"}) == ERRAND.accept(Errand("one"))

    def test_problems_are_listed_without_values(self) -> None:
        error = refusal(ERRAND, {"zeta": "s3cret", "alpha": 1, "pieces": "s3cret"})
        assert error.details == {
            "missing_fields": ["ring_id"],
            "unknown_fields": ["alpha", "zeta"],
            "invalid_types": {"pieces": "int"},
        }
        assert "s3cret" not in str(error)
        assert str(error) == (
            "payload of trigger 'go': ring_id is missing; alpha is unknown; zeta is unknown; pieces must be int"
        )

    def test_only_parts_that_are_not_empty_are_listed(self) -> None:
        assert refusal(ERRAND, {}).details == {"missing_fields": ["ring_id"]}
        assert refusal(ERRAND, {"ring_id": True}).details == {"invalid_types": {"ring_id": "str"}}

    def test_an_instance_is_checked_too(self) -> None:
        wrong: Any = 3
        assert refusal(ERRAND, Errand(wrong)).details == {"invalid_types": {"ring_id": "str"}}

    def test_values_are_stored_as_what_the_contract_says(self) -> None:
        by_text = JOURNEY.accept({"day": "2026-11-21", "number": 1})
        assert by_text == JOURNEY.accept(Journey(date(2026, 11, 21), number=1))
        assert by_text.payload["day"] == {"$squidie": "date", "value": "2026-11-21"}

    def test_fields_that_the_class_makes_are_in_the_payload_and_cannot_be_given(self) -> None:
        assert JOURNEY.accept({"day": "2026-11-21"}).payload["label"] == "2026-11-21 in 0"
        assert refusal(JOURNEY, {"day": "2026-11-21", "label": "x"}).details == {"unknown_fields": ["label"]}
        assert [(item.name, item.required) for item in JOURNEY.fields] == [
            ("day", True),
            ("stops", False),
            ("number", False),
            ("label", False),
        ]

    def test_a_default_that_differs_each_time_is_not_part_of_what_was_given(self) -> None:
        first, second = JOURNEY.accept({"day": "2026-11-21"}), JOURNEY.accept({"day": "2026-11-21"})
        assert first.given == second.given
        assert first.payload != second.payload

    def test_nested_problems_have_their_path(self) -> None:
        stops = [{"name": "a"}, {"name": 3, "nam": "s3cret"}]
        assert refusal(JOURNEY, {"day": "2026-11-21", "stops": stops}).details == {
            "invalid_types": {"stops[1].name": "str", "stops[1].nam": "left out"}
        }

    def test_the_class_may_refuse_a_payload_itself(self) -> None:
        error = refusal(JOURNEY, {"day": "2026-11-21", "stops": [{"name": "s3cret"}] * 4})
        assert error.details == {"refused_by": "Journey"}
        assert "Journey refused it (ValueError)" in str(error)
        assert "s3cret" not in str(error)
        assert error.__cause__ is None

    def test_nothing_is_shared_with_what_was_given(self) -> None:
        given: dict[str, Any] = {"order_id": "x", "amount": 1}
        accepted = REQUEST.accept(given)
        given["amount"] = 2
        assert accepted.payload["amount"] == 1


class TestOtherContracts:
    def test_a_typed_dict(self) -> None:
        assert REQUEST.accept({"order_id": "x", "amount": 1}).payload == {"order_id": "x", "amount": 1}
        assert refusal(REQUEST, {"note": 1}).details == {
            "missing_fields": ["order_id", "amount"],
            "invalid_types": {"note": "str"},
        }
        assert [(item.name, item.type, item.required) for item in REQUEST.fields] == [
            ("order_id", "str", True),
            ("amount", "int", True),
            ("note", "str", False),
        ]

    def test_fields(self) -> None:
        assert FIELDS.accept({"order_id": "x", "amount": None}).payload == {"order_id": "x", "amount": None}
        assert refusal(FIELDS, {"amount": "1"}).details == {
            "missing_fields": ["order_id"],
            "invalid_types": {"amount": "int"},
        }
        assert [item.type for item in FIELDS.fields] == ["str", "int | None"]

    def test_no_contract_takes_nothing(self) -> None:
        assert NOTHING.accept().payload == {}
        assert NOTHING.accept({}).given == {}
        assert refusal(NOTHING, {"x": 1}).details == {"unknown_fields": ["x"]}

    @pytest.mark.parametrize("value", ["x", 3, [("ring_id", "one")], Stop("x")])
    def test_anything_else_is_refused(self, value: object) -> None:
        assert refusal(ERRAND, value).details == {"expected": "Errand or a mapping"}
        assert refusal(FIELDS, value).details == {"expected": "a mapping"}

    def test_a_value_that_cannot_be_stored_is_named(self) -> None:
        loose = contract(trigger.manual(anything=Any))
        with pytest.raises(EncodingError, match="payload of trigger 'go', field 'anything'"):
            loose.accept({"anything": object()})


@given(st.dictionaries(st.sampled_from(["ring_id", "bearer", "pieces", "other"]), st.integers() | st.text()))
def test_every_mapping_is_accepted_or_refused_and_acceptance_is_stable(payload: dict[str, Any]) -> None:
    details: dict[str, Any] = {}
    try:
        accepted = ERRAND.accept(payload)
    except PayloadError as error:
        details = dict(error.details)
    else:
        assert ERRAND.accept(accepted.payload) == accepted
        assert ERRAND.accept(accepted.given) == accepted
    assert details.keys() <= {"missing_fields", "unknown_fields", "invalid_types"}
    assert all(details.values())
