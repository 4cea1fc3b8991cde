"""Pydantic models as contracts. The core knows them by their form alone, so the tests use the real ones."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from squidie_core.authoring import (
    Body,
    ContractError,
    PayloadContract,
    StepContext,
    Workflow,
    compiled,
    converter,
    step,
    trigger,
)
from squidie_core.authoring.payloads import read_contract
from squidie_core.definition.model import PayloadField
from squidie_core.errors import DefinitionError, PayloadError

pydantic: Any = importlib.import_module("pydantic")

Stop: Any = pydantic.create_model("Stop", name=(str, ...))
Ride: Any = pydantic.create_model(
    "Ride",
    seats=(int, ...),
    stop=(str, "here"),
    at=(Stop | None, pydantic.Field(default=None, alias="onDay")),
)
CONTRACT = PayloadContract("go", read_contract(trigger.manual(Ride)))


def refusal(value: Any) -> PayloadError:
    with pytest.raises(PayloadError) as caught:
        CONTRACT.accept(value)
    return caught.value


class TestPayloads:
    def test_the_model_has_its_own_rules(self) -> None:
        assert CONTRACT.accept({"seats": "2"}).payload == {"seats": 2, "stop": "here", "at": None}
        assert CONTRACT.accept({"seats": 2}).given == {"seats": 2}
        assert CONTRACT.accept(Ride(seats=2)) == CONTRACT.accept({"seats": 2, "stop": "here"})

    def test_a_field_may_be_given_by_name_or_alias(self) -> None:
        expected = {"seats": 2, "stop": "here", "at": {"name": "x"}}
        assert CONTRACT.accept({"seats": 2, "onDay": {"name": "x"}}).payload == expected
        assert CONTRACT.accept({"seats": 2, "at": {"name": "x"}}).payload == expected

    def test_what_it_refuses_is_listed_without_values(self) -> None:
        assert refusal({"other": 1}).details == {"missing_fields": ["seats"], "unknown_fields": ["other"]}
        assert refusal({"seats": 1, "other": 1}).details == {"unknown_fields": ["other"]}
        error = refusal({"seats": "s3cret", "onDay": {"name": 3}})
        assert error.details == {
            "invalid_types": {
                "seats": "what Ride accepts (int_parsing)",
                "onDay.name": "what Ride accepts (string_type)",
            }
        }
        assert "s3cret" not in str(error)

    def test_the_definition_lists_its_fields(self) -> None:
        assert CONTRACT.fields == (
            PayloadField(name="seats", type="int"),
            PayloadField(name="stop", type="str", required=False),
            PayloadField(name="at", type="Stop | None", required=False),
        )


class TestBodies:
    def test_a_parameter_and_a_result(self) -> None:
        def body(ride: Any) -> Any: ...

        body.__annotations__ = {"ride": Ride, "return": Ride}
        prepared = Body("drive", body)
        assert prepared.call_arguments({"ride": {"seats": 2}}, StepContext("r")) == {"ride": Ride(seats=2)}
        stored = prepared.accept_result(Ride(seats=3))
        assert stored == {"seats": 3, "stop": "here", "at": None}
        assert isinstance(stored, dict)
        assert prepared.read_result(stored) == Ride(seats=3)
        with pytest.raises(ContractError, match="result of step 'drive': seats is missing"):
            prepared.accept_result({})

    def test_models_inside_other_annotations(self) -> None:
        convert = converter(list[Ride], "here")
        assert convert([{"seats": 1}]) == [Ride(seats=1)]
        with pytest.raises(ContractError, match=r"\[1\].seats must be what Ride accepts"):
            convert([{"seats": 1}, {"seats": "x"}])


def test_paths_into_models_are_checked() -> None:
    def body(name: str) -> None: ...

    def members(path: str) -> dict[str, Any]:
        return {"go": trigger.manual(ride=Ride), "only": step(body, input={"name": path})}

    assert compiled(type("Good", (Workflow,), members("ride.at.name"), name="good")).name == "good"
    with pytest.raises(DefinitionError) as caught:
        type("Bad", (Workflow,), members("ride.at.nme"), name="bad")
    assert caught.value.problems[0].hint == "did you mean 'ride.at.name'?"
