"""The package's own `dataclass` against the standard library's."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import inspect
import pickle
import pkgutil
import typing
from collections.abc import Callable, Iterator
from dataclasses import FrozenInstanceError, dataclass, field
from operator import attrgetter
from typing import Any, ClassVar

import pytest

import squidie_core
from squidie_core.dataclass import dataclass as ours
from squidie_core.dataclass import record

Make = Callable[..., Any]


@ours(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list[str], compare=False)
    secret: str = field(default="", repr=False)
    kind: ClassVar[str] = "point"

    def moved(self) -> Point:
        return dataclasses.replace(self, x=self.x + 1)


@dataclass(frozen=True, slots=True)
class StandardPoint:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list[str], compare=False)
    secret: str = field(default="", repr=False)
    kind: ClassVar[str] = "point"


@record(frozen=True, slots=True)
class Fact:
    at: int


@ours(slots=True, kw_only=True)
class Tally:
    name: str
    seen: dict[str, int] = field(default_factory=dict[str, int])
    total: int = 0
    parent: Tally | None = None


@dataclass(slots=True, kw_only=True)
class StandardTally:
    name: str
    seen: dict[str, int] = field(default_factory=dict[str, int])
    total: int = 0
    parent: Tally | None = None


@ours(frozen=True, slots=True)
class Mixed:
    first: int
    late: int = field(kw_only=True)
    second: int = 2
    later: int = field(default=4, kw_only=True)


@dataclass(frozen=True, slots=True)
class StandardMixed:
    first: int
    late: int = field(kw_only=True)
    second: int = 2
    later: int = field(default=4, kw_only=True)


@ours(frozen=True, slots=True)
class Even:
    number: int

    def __post_init__(self) -> None:
        if self.number % 2:
            raise ValueError("odd")


@ours(frozen=True, slots=True)
class Nothing:
    pass


@ours(frozen=True, slots=True, eq=False)
class Thing:
    name: str

    def __repr__(self) -> str:
        return f"<{self.name}>"


PAIRS = [
    pytest.param(Point, StandardPoint, id="frozen"),
    pytest.param(Tally, StandardTally, id="mutable"),
    pytest.param(Mixed, StandardMixed, id="mixed"),
]


class TestLikeTheStandardLibrarys:
    @pytest.mark.parametrize(("mine", "standard"), PAIRS)
    def test_fields_and_places_to_match_are_the_same(self, mine: Any, standard: Any) -> None:
        assert [item.name for item in dataclasses.fields(mine)] == [item.name for item in dataclasses.fields(standard)]
        assert mine.__match_args__ == standard.__match_args__
        assert mine.__slots__ == standard.__slots__

    @pytest.mark.parametrize(("mine", "standard"), PAIRS)
    def test_parameters_are_the_same(self, mine: Any, standard: Any) -> None:
        expected = inspect.signature(standard).parameters.values()
        parameters = inspect.signature(mine).parameters.values()
        assert [(item.name, item.kind, item.annotation) for item in parameters] == [
            (item.name, item.kind, item.annotation) for item in expected
        ]
        optional = [item.name for item in parameters if item.default is not item.empty]
        assert optional == [item.name for item in expected if item.default is not item.empty]
        assert typing.get_type_hints(mine.__init__) == typing.get_type_hints(standard.__init__)

    @pytest.mark.parametrize(("mine", "standard"), PAIRS)
    @pytest.mark.parametrize(
        ("positional", "named"),
        [((), {}), ((1,), {}), ((1, 2, 3, 4, 5, 6), {}), ((1,), {"x": 1}), ((), {"other": 1}), ((), {"first": 1})],
    )
    def test_wrong_arguments_are_told_alike(
        self, mine: Make, standard: Make, positional: tuple[int, ...], named: dict[str, int]
    ) -> None:
        def told(make: Make) -> str:
            try:
                made = make(*positional, **named)
            except TypeError as error:
                return str(error).replace("Standard", "")
            return repr(made).replace("Standard", "")

        assert told(mine) == told(standard)

    def test_a_value_is_equal_and_hashes_by_what_is_compared(self) -> None:
        assert Point(1, tags=["a"]) == Point(1, tags=["b"])
        assert Point(1) != Point(2)
        other: object = StandardPoint(1)
        assert Point(1) != other
        assert hash(Point(1, tags=["a"])) == hash(Point(1, tags=["b"]))
        assert len({Point(1), Point(1), Point(2)}) == 2
        assert Nothing() == Nothing()
        assert Even(2) == Even(2) != Even(4)

    def test_what_can_change_has_no_hash(self) -> None:
        assert Tally(name="a") == Tally(name="a")
        with pytest.raises(TypeError, match="unhashable"):
            hash(Tally(name="a"))

    def test_without_eq_a_thing_is_equal_to_itself_alone(self) -> None:
        thing = Thing("a")
        assert thing == thing  # noqa: PLR0124  # that is the question
        assert thing != Thing("a")
        assert len({thing, Thing("a")}) == 2

    def test_a_frozen_value_refuses_to_change(self) -> None:
        point: Any = Point(1)
        with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
            point.x = 2
        with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
            del point.x
        assert point == Point(1)

    def test_a_record_is_guarded_by_type_checkers_alone(self) -> None:
        fact = Fact(1)
        assert hash(fact) == hash(Fact(1))
        fact.at = 2  # type: ignore[misc]  # that is the guard
        assert fact == Fact(2)

    def test_a_mutable_one_changes(self) -> None:
        tally = Tally(name="a")
        tally.total += 1
        assert tally == Tally(name="a", total=1)

    def test_each_has_defaults_of_its_own(self) -> None:
        first, second = Tally(name="a"), Tally(name="b")
        first.seen["x"] = 1
        assert second.seen == {}
        assert Point(1).tags is not Point(1).tags

    def test_a_repr_names_what_is_to_be_shown(self) -> None:
        assert repr(Point(1, secret="s")) == "Point(x=1, y=2, tags=[])"
        assert repr(Thing("a")) == "<a>"
        assert repr(Nothing()) == "Nothing()"

    def test_a_repr_ends_where_it_meets_itself(self) -> None:
        tally = Tally(name="a")
        tally.parent = tally
        assert repr(tally) == "Tally(name='a', seen={}, total=0, parent=...)"

    def test_what_follows_the_initializer_runs(self) -> None:
        with pytest.raises(ValueError, match="odd"):
            Even(1)

    @pytest.mark.parametrize("value", [Point(1, 3, ["a"], "s"), Tally(name="a", total=3), Mixed(1, late=2), Nothing()])
    def test_copies_are_equal(self, value: Any) -> None:
        assert copy.copy(value) == value
        assert copy.deepcopy(value) == value
        assert pickle.loads(pickle.dumps(value)) == value  # noqa: S301  # our own
        assert dataclasses.replace(value) == value
        assert type(value)(**{item.name: getattr(value, item.name) for item in dataclasses.fields(value)}) == value

    def test_replace_and_asdict_work(self) -> None:
        assert Point(1, secret="s").moved() == Point(2, secret="s")
        assert dataclasses.asdict(Tally(name="a")) == {"name": "a", "seen": {}, "total": 0, "parent": None}


def _dataclasses() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(squidie_core.__path__, "squidie_core."):
        if not module.name.endswith("__main__"):
            for value in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == module.name:
                    yield value


@pytest.mark.parametrize("cls", list(_dataclasses()), ids=attrgetter("__module__"))
def test_ours_are_made_by_it(cls: type[Any]) -> None:
    if not cls.__module__.startswith("squidie_core.cli."):  # the demo's payload is written as an author writes it
        assert not cls.__dataclass_params__.repr, "declare it with squidie_core.dataclass, which imports in less time"


def test_fills_fields_without_the_types_of_their_items() -> None:
    """`list[str]()` takes ten times as long as `list()`, and gives the same."""
    assert dataclasses.fields(Point)[2].default_factory is list
    assert Point(1).tags == []
    assert Point(1).tags is not Point(1).tags
