"""Values of users as plain JSON and back."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple
from uuid import UUID

import pytest
from hypothesis import given

from squidie_core.errors import EncodingError
from squidie_core.journal.codec import to_json
from squidie_core.journal.values import MAX_DEPTH, TAG, decode, encode, encode_mapping
from tests.core.journal_values import QUICK, THOROUGH, user_values


class Bearer(Enum):
    FRODO = "frodo"
    SAM = 2


class Path(StrEnum):
    MORIA = "moria"


class Miles(IntEnum):
    FEW = 3


@dataclass
class Errand:
    bearer: Bearer
    due: date
    legs: tuple[int, ...] = ()


class Model:
    """What looks like a pydantic model."""

    def model_dump(self) -> dict[str, Any]:
        return {"ring": "one", TAG: "theirs"}


class Point(NamedTuple):
    x: int
    y: list[int]


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Real(float):
    pass


def through_json(value: Any) -> Any:
    return decode(json.loads(to_json(encode(value, "the value"))))


def types_of(value: Any) -> Any:
    """The value with the type of each part, so that 1, 1.0 and True differ."""
    if isinstance(value, dict):
        return {key: types_of(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [types_of(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    return type(value), repr(value)


def refused(value: Any) -> EncodingError:
    with pytest.raises(EncodingError) as caught:
        encode(value, "result of step 'cross'")
    assert caught.value.code == "not_encodable"
    assert str(caught.value).startswith("result of step 'cross'")
    assert caught.value.details["what"] == "result of step 'cross'"
    return caught.value


class TestValues:
    @given(value=user_values)
    @THOROUGH
    def test_come_back_as_they_were(self, value: Any) -> None:
        assert types_of(through_json(value)) == types_of(value)

    @QUICK
    @given(value=user_values)
    def test_come_back_as_they_were_without_passing_through_text(self, value: Any) -> None:
        assert types_of(decode(encode(value, "it"))) == types_of(value)

    @QUICK
    @given(value=user_values)
    def test_are_encoded_to_what_json_gives_back_unchanged(self, value: Any) -> None:
        plain = encode(value, "it")
        assert types_of(json.loads(to_json(plain))) == types_of(plain)

    @pytest.mark.parametrize(
        "value",
        [
            datetime(2027, 1, 15, 8, 0, 0, 1, tzinfo=UTC),
            datetime.max,  # noqa: DTZ901  # bodies return such times too
            datetime.min,  # noqa: DTZ901  # the same
            date(1, 1, 1),
            time(23, 59, 59, 999_999),
            timedelta.max,
            timedelta.min,
            timedelta(microseconds=-1),
            UUID(int=0),
            Decimal("-0.10"),
            Decimal("1E+999999"),
            Decimal("Infinity"),
            b"",
            b"\x00\xff",
            2**4096 - 1,
            -0.0,
            5e-324,
            "\x00",
            "\ud800",
            {TAG: "datetime", "value": "not a date"},
            {TAG: {TAG: {TAG: None}}},
            {TAG: "dict", "value": {"a": 1}},
            [{TAG: 1}, {"value": 2}],
            {"": {"": ""}},
        ],
    )
    def test_of_each_kind_come_back_as_they_were(self, value: Any) -> None:
        assert types_of(through_json(value)) == types_of(value)

    def test_share_nothing_with_what_they_were_made_from(self) -> None:
        inner = [1]
        given = {"legs": inner}
        plain = encode(given, "it")
        inner.append(2)
        assert plain == {"legs": [1]}

    def test_with_the_halves_of_a_surrogate_pair_are_what_json_makes_of_them(self) -> None:
        assert encode("\ud83d\ude00", "it") == "\U0001f600"
        assert encode({"\ud83d\ude00": 1}, "it") == {"\U0001f600": 1}
        assert encode(Text("\ufeff\ud83d\ude00\ude00"), "it") == "\ufeff\U0001f600\ude00"

    def test_that_are_not_plain_become_what_they_hold(self) -> None:
        assert encode(Errand(Bearer.FRODO, date(2027, 1, 15), (1, 2)), "it") == {
            "bearer": "frodo",
            "due": {TAG: "date", "value": "2027-01-15"},
            "legs": [1, 2],
        }
        ordered: OrderedDict[str, int] = OrderedDict(b=1)
        assert encode([Bearer.SAM, Path.MORIA, Miles.FEW], "it") == [2, "moria", 3]
        assert encode({"model": Model()}, "it") == {"model": {TAG: "dict", "value": {"ring": "one", TAG: "theirs"}}}
        assert encode((1, Point(2, [3])), "it") == [1, [2, [3]]]
        assert encode(MappingProxyType({"a": ordered}), "it") == {"a": {"b": 1}}

    def test_of_subclasses_become_the_plain_type(self) -> None:
        class Moment(datetime):
            pass

        plain: Any = encode([Text("a"), Number(1), Real(0.5), {Text("k"): True}], "it")
        assert [type(item) for item in plain] == [str, int, float, dict]
        assert [type(key) for key in plain[3]] == [str]
        moment: Any = encode(Moment(2027, 1, 15), "it")
        assert moment == {TAG: "datetime", "value": "2027-01-15T00:00:00"}

    def test_with_an_unknown_tag_are_left_as_they_stand(self) -> None:
        assert decode({TAG: "quaternion", "value": "1"}) == {TAG: "quaternion", "value": "1"}
        assert decode({TAG: "datetime", "value": 1}) == {TAG: "datetime", "value": 1}


class TestMappings:
    def test_keep_a_reserved_key_at_the_top_and_escape_it_below(self) -> None:
        plain = encode_mapping({TAG: "mine", "inner": {TAG: "mine"}}, "it")
        assert plain == {TAG: "mine", "inner": {TAG: "dict", "value": {TAG: "mine"}}}

    def test_name_the_place_of_what_they_refuse(self) -> None:
        with pytest.raises(EncodingError) as caught:
            encode_mapping({"a": {"b": [0, {1}]}}, "payload")
        assert caught.value.details == {"what": "payload", "path": "a.b[1]"}
        assert str(caught.value) == "payload, at a.b[1]: the value is a set, which cannot be stored; use a sorted list"

    def test_refuse_keys_that_are_not_text(self) -> None:
        with pytest.raises(EncodingError, match="has a key that is a int; use str keys"):
            encode_mapping({1: 2}, "payload")  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]


class TestRefusals:
    @pytest.mark.parametrize(
        ("value", "path", "words"),
        [
            (float("nan"), "", "is nan, which JSON does not have; use None or a str"),
            ([0.0, float("-inf")], "[1]", "is -inf, which JSON does not have"),
            ({"legs": [{"miles": float("inf")}]}, "legs[0].miles", "is inf, which JSON does not have"),
            ({"a": {1: 2}}, "a", "has a key that is a int; use str keys"),
            ({"a": {None: 2}}, "a", "has a key that is a NoneType; use str keys"),
            ({"a": {1, 2}}, "a", "is a set, which cannot be stored; use a sorted list"),
            (frozenset({1}), "", "is a frozenset, which cannot be stored; use a sorted list"),
            (1j, "", "use two numbers"),
            (bytearray(b"x"), "", "use bytes(...)"),
            ([object()], "[0]", "is a object, which cannot be stored; return plain data"),
            ({"f": len}, "f", "is a builtin_function_or_method, which cannot be stored"),
            (Errand, "", "is a type, which cannot be stored"),
            (Model, "", "is a type, which cannot be stored"),
            (iter([1]), "", "is a list_iterator, which cannot be stored"),
            (2**4096, "", "is an integer of more than 4096 bits; use a str"),
            (Number(-(2**4096)), "", "is an integer of more than 4096 bits"),
            (Real("nan"), "", "is nan"),
            (Errand(Bearer.SAM, date(2027, 1, 15), ({1},)), "legs[0]", "is a set"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        ],
    )
    def test_name_the_place_and_say_what_to_do(self, value: Any, path: str, words: str) -> None:
        error = refused(value)
        assert error.details["path"] == path
        assert words in str(error)

    def test_end_at_the_depth_that_is_stored(self) -> None:
        deep: Any = []
        for _ in range(MAX_DEPTH):
            deep = [deep]
        assert encode(deep, "it") == deep
        error = refused([deep])
        assert f"is nested deeper than {MAX_DEPTH} levels; flatten it" in str(error)
        assert error.details["path"] == "[0]" * (MAX_DEPTH + 1)

    def test_include_what_holds_itself(self) -> None:
        circle: dict[str, Any] = {}
        circle["self"] = [circle]
        assert "is nested deeper" in str(refused(circle))

        class Hydra(Enum):
            HEAD = object()

        assert "is a object" in str(refused(Hydra.HEAD))
