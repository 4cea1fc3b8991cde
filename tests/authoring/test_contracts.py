"""Annotations as contracts: what converts, what is refused, and how that is said."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, NewType, NotRequired, Required, TypedDict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.authoring import AnnotationWarning, ContractError, as_is, converter
from squidie_core.journal.values import decode, encode

if TYPE_CHECKING:
    from tests.authoring.flows import Bank


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


OrderId = NewType("OrderId", str)


class Slug(str):
    __slots__ = ()


class Point(NamedTuple):
    x: int
    y: float


@dataclass
class Stop:
    name: str
    at: datetime | None = None
    tags: list[str] = field(default_factory=list[str])


@dataclass
class Tree:
    value: int
    children: list[Tree] = field(default_factory=list["Tree"])


class Options(TypedDict, total=False):
    name: Required[str]
    size: int


class Route(TypedDict):
    stops: list[Stop]
    note: NotRequired[str]


UUID_1 = UUID("12345678-1234-5678-1234-567812345678")
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

GOOD: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (int, 3, 3),
    (float, 3, 3.0),
    (float, 2.5, 2.5),
    (bool, True, True),
    (None, None, None),
    (bytes, b"a", b"a"),
    (datetime, NOON, NOON),
    (datetime, "2026-11-21T12:00:00+00:00", NOON),
    (date, date(2026, 11, 21), date(2026, 11, 21)),
    (date, "2026-11-21", date(2026, 11, 21)),
    (time, "12:30", time(12, 30)),
    (timedelta, timedelta(hours=1), timedelta(hours=1)),
    (timedelta, 90, timedelta(seconds=90)),
    (UUID, str(UUID_1), UUID_1),
    (Decimal, "1.50", Decimal("1.50")),
    (Decimal, 3, Decimal(3)),
    (Colour, "red", Colour.RED),
    (Level, 2, Level.HIGH),
    (Literal["a", 1], 1, 1),
    (Literal[Colour.RED], "red", Colour.RED),
    (int | None, None, None),
    (int | str, "a", "a"),
    (date | str, "2026-11-21", "2026-11-21"),
    (float | int, 3, 3),
    (Stop | int, 3, 3),
    (Stop | int, {"name": "x"}, Stop("x")),
    (list[int], [1, 2], [1, 2]),
    (list, [1, "a"], [1, "a"]),
    (Sequence[Colour], ["red"], [Colour.RED]),
    (tuple[int, str], [1, "a"], (1, "a")),
    (tuple[int, ...], [1, 2], (1, 2)),
    (tuple, [1], (1,)),
    (set[int], [1, 2, 1], {1, 2}),
    (frozenset[str], ["a"], frozenset({"a"})),
    (dict[str, int], {"a": 1}, {"a": 1}),
    (Mapping[str, Colour], {"a": "red"}, {"a": Colour.RED}),
    (dict[Colour, int], {"red": 1}, {Colour.RED: 1}),
    (dict, {"a": [1]}, {"a": [1]}),
    (OrderId, "o1", "o1"),
    (Annotated[int, "positive"], 3, 3),
    (Slug, "a-b", Slug("a-b")),
    (Point, [1, 2], Point(1, 2.0)),
    (Stop, {"name": "x", "at": "2026-11-21T12:00:00+00:00"}, Stop("x", NOON)),
    (Stop, {"name": "x", "left": "over"}, Stop("x")),
    (Tree, {"value": 1, "children": [{"value": 2}]}, Tree(1, [Tree(2)])),
    (Options, {"name": "x"}, {"name": "x"}),
    (Route, {"stops": [{"name": "x"}], "more": 1}, {"stops": [Stop("x")], "more": 1}),
]

BAD: list[tuple[Any, Any, list[str]]] = [
    (str, 3, ["must be str, is int"]),
    (int, True, ["must be int, is bool"]),
    (int, 3.0, ["must be int, is float"]),
    (float, "3", ["must be float, is str"]),
    (float, 10**400, ["must be float, is too large for one"]),
    (bool, 1, ["must be bool, is int"]),
    (None, 0, ["must be None, is int"]),
    (date, "yesterday", ["must be date, is a str that is none"]),
    (datetime, date(2026, 11, 21), ["must be datetime, is date"]),
    (UUID, "x", ["must be UUID, is a str that is none"]),
    (Decimal, 1.5, ["must be Decimal, is float"]),
    (Decimal, "x", ["must be Decimal, is a str that is none"]),
    (timedelta, 1e300, ["must be timedelta, is out of its range"]),
    (Colour, "green", ["must be Colour, is str"]),
    (Level, True, ["must be Level, is bool"]),
    (Literal["a", 1], True, ["must be 'a' | 1, is bool"]),
    (Literal["a"], ["a"], ["must be 'a', is list"]),
    (int | None, "a", ["must be int, is str"]),
    (int | str, [], ["must be int | str, is list"]),
    (list[int], ["a", 2, "b"], ["[0] must be int, is str", "[2] must be int, is str"]),
    (list[int], "ab", ["must be list[int], is str"]),
    (tuple[int, str], [1], ["must be tuple[int, str], is 1 items"]),
    (set[Any], [[1]], ["must be set[any], is a list with items that no set can hold"]),
    (dict[str, int], {"a": "x"}, ["a must be int, is str"]),
    (dict[str, int], [], ["must be dict[str, int], is list"]),
    (Slug, 3, ["must be str, is int"]),
    (Point, [1, "a"], ["[1] must be float, is str"]),
    (Stop, {}, ["name is missing"]),
    (Stop, {"name": 1, "tags": [1]}, ["name must be str, is int", "tags[0] must be str, is int"]),
    (Stop, "x", ["must be Stop, is str"]),
    (Tree, {"value": 1, "children": [{"value": "x"}]}, ["children[0].value must be int, is str"]),
    (Options, {"size": "x"}, ["name is missing", "size must be int, is str"]),
    (Route, {"stops": [{}]}, ["stops[0].name is missing"]),
    (Exception, "x", ["must be Exception, is str"]),
]


class TestConverting:
    @pytest.mark.parametrize(("annotation", "plain", "expected"), GOOD, ids=str)
    def test_what_an_annotation_says_is_given(self, annotation: Any, plain: Any, expected: Any) -> None:
        converted = converter(annotation, "here")(plain)
        assert converted == expected
        assert type(converted) is type(expected)

    @pytest.mark.parametrize(("annotation", "plain", "problems"), BAD, ids=str)
    def test_anything_else_is_refused(self, annotation: Any, plain: Any, problems: list[str]) -> None:
        with pytest.raises(ContractError) as caught:
            converter(annotation, "here")(plain)
        assert [str(violation) for violation in caught.value.violations] == problems

    @pytest.mark.parametrize("annotation", [Any, object, Annotated[Any, "x"], int | Any])
    def test_what_says_nothing_is_recognisable(self, annotation: Any) -> None:
        assert converter(annotation, "here") is as_is

    def test_values_are_never_shown(self) -> None:
        with pytest.raises(ContractError) as caught:
            converter(Stop, "here")({"name": 12345678, "at": "s3cret"})
        assert "12345678" not in str(caught.value)
        assert "s3cret" not in str(caught.value)
        assert "s3cret" not in str(caught.value.details)

    def test_a_strict_converter_refuses_unknown_names(self) -> None:
        with pytest.raises(ContractError, match="left must be left out, is unknown"):
            converter(Stop, "here", strict=True)({"name": "x", "left": "over"})

    def test_a_dataclass_may_refuse_a_value_itself(self) -> None:
        @dataclass
        class Even:
            number: int

            def __post_init__(self) -> None:
                if self.number % 2:
                    raise ValueError(self.number)

        convert = converter(list[Even], "here")
        assert convert([{"number": 2}]) == [Even(2)]
        with pytest.raises(ContractError, match=r"\[0\] must be Even, is refused by it \(ValueError\)"):
            convert([{"number": 7}])


class TestUnresolvedAnnotations:
    def test_they_degrade_with_one_warning(self) -> None:
        @dataclass
        class Account:
            bank: Bank
            again: Bank
            name: str

        with pytest.warns(AnnotationWarning, match="here: the annotation 'Bank' cannot be resolved") as caught:
            convert = converter(Account, "here")
        assert len(caught) == 1
        assert convert({"bank": 1, "again": 2, "name": "x"}) == Account(1, 2, "x")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # unchecked
        with pytest.raises(ContractError, match="name must be str"):
            convert({"bank": 1, "again": 2, "name": 3})

    def test_nothing_is_warned_of_when_all_is_known(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            converter(Tree, "here")


@dataclass(frozen=True)
class Everything:
    text: str
    number: int
    real: float
    flag: bool
    nothing: None
    raw: bytes
    moment: datetime
    day: date
    clock: time
    span: timedelta
    key: UUID
    price: Decimal
    colour: Colour
    maybe: int | None
    either: int | str
    point: Point
    pairs: tuple[tuple[str, int], ...]
    table: dict[str, list[date]]
    rest: Any = None


EVERYTHING = st.builds(
    Everything,
    real=st.floats(allow_nan=False, allow_infinity=False),
    number=st.integers(-(2**63), 2**63),
    price=st.decimals(allow_nan=False, allow_infinity=False),
    point=st.builds(Point, x=st.integers(), y=st.floats(allow_nan=False, allow_infinity=False)),
    clock=st.times(),
    moment=st.datetimes(timezones=st.just(UTC)),
    rest=st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5),
)


@given(EVERYTHING)
def test_what_was_stored_comes_back_as_it_was(value: Everything) -> None:
    assert convert_everything(decode(encode(value, "a value"))) == value


convert_everything = converter(Everything, "here")


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_no_plain_value_gets_past_a_contract_unseen(value: Any) -> None:
    """Any value is either converted or refused with a ContractError; nothing else is raised."""
    for convert in CONVERTERS:
        with suppress(ContractError):
            convert(value)


CONVERTERS = [converter(annotation, "here") for annotation, _, _ in GOOD]
