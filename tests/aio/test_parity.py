"""AsyncSquidie is Squidie, and AsyncWorker is Worker, but for what has to be awaited."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, get_overloads

import pytest

from squidie_core import AsyncScheduler, AsyncSquidie, AsyncWorker, Scheduler, Squidie, Worker

PLAIN = {
    "from_env": "a constructor",
    "metrics": "it asks the store nothing",
    "stop": "it only sets a flag, and may be called by a signal handler",
}
"""Public methods that need not be awaited, and why."""
ALONE = {
    "within": "stores take part in the transactions of threads: there is `sync.within`",
}
"""Public methods of one twin that the other lacks, and why."""
DIFFERENT = {
    ("Worker", "run", "install_signal_handlers"): "who has a loop has a server in it, which has handlers of its own",
    ("Worker", "__init__", "squidie"): "each takes its own kind",
    ("Scheduler", "run", "install_signal_handlers"): "as of a Worker",
    ("Scheduler", "__init__", "squidie"): "each takes its own kind",
}
"""Parameters that differ in their default or their type, and why."""

TWINS = [(Squidie, AsyncSquidie), (Worker, AsyncWorker), (Scheduler, AsyncScheduler)]
EACH = pytest.mark.parametrize(("kind", "twin"), TWINS, ids=["Squidie", "Worker", "Scheduler"])


def methods(kind: type) -> dict[str, Callable[..., Any]]:
    """The public ones, and the constructor."""
    return {
        name: getattr(kind, name)
        for name in dir(kind)
        if (name == "__init__" or not name.startswith("_")) and callable(getattr(kind, name))
    }


def parameters(kind: type, name: str) -> list[tuple[str, ...]]:
    """Name, kind, default and annotation of each, but for what may differ."""
    plain = kind.__name__.removeprefix("Async")
    found = inspect.signature(methods(kind)[name]).parameters.values()
    return [
        (each.name,)
        if (plain, name, each.name) in DIFFERENT
        else (each.name, each.kind.name, repr(each.default), str(each.annotation))
        for each in found
    ]


def overloads(kind: type, name: str) -> list[str]:
    return [str(inspect.signature(each)) for each in get_overloads(methods(kind)[name])]


class TestParity:
    @EACH
    def test_what_one_has_the_other_has(self, kind: type, twin: type) -> None:
        lacking = methods(kind).keys() - methods(twin).keys() - ALONE.keys()
        assert not lacking, (
            f"{twin.__name__} lacks {', '.join(sorted(lacking))}. For a method of Commands, Views or Care add the line "
            "`name = awaited(Part.name)` to runtime/aio/facade.py, beside its siblings. One with overloads is written "
            "out as `start` is; one that runs bodies as `execute_next` is; one that waits for no store goes into PLAIN "
            "here, one that an event loop has no use for into ALONE."
        )
        assert not methods(twin).keys() - methods(kind).keys() - ALONE.keys(), f"{kind.__name__} lacks these"

    @EACH
    def test_parameters_and_defaults_are_the_same(self, kind: type, twin: type) -> None:
        for name in methods(kind).keys() & methods(twin).keys():
            assert parameters(twin, name) == parameters(kind, name), f"{twin.__name__}.{name}: write it out anew"

    @EACH
    def test_everything_that_may_wait_is_awaited(self, kind: type, twin: type) -> None:
        awaited = {name for name, method in methods(twin).items() if inspect.iscoroutinefunction(method)}
        assert methods(twin).keys() - awaited == {"__init__"} | (PLAIN.keys() & methods(twin).keys())
        assert not [name for name, method in methods(kind).items() if inspect.iscoroutinefunction(method)]

    @EACH
    def test_each_method_says_what_it_is_for(self, kind: type, twin: type) -> None:
        assert all(inspect.getdoc(method) for name, method in methods(twin).items() if name != "__init__")
        assert inspect.getdoc(kind) != inspect.getdoc(twin)

    @EACH
    def test_overloads_are_the_same(self, kind: type, twin: type) -> None:
        """A method with overloads that was given one line would keep but its implementation's signature."""
        for name in methods(kind).keys() & methods(twin).keys():
            assert overloads(twin, name) == overloads(kind, name), f"write {twin.__name__}.{name} out as `start` is"

    @pytest.mark.parametrize("constructor", ["__call__", "from_env"])
    def test_what_the_twin_is_made_with_the_other_is_made_with(
        self, monkeypatch: pytest.MonkeyPatch, constructor: str
    ) -> None:
        made: list[Any] = []

        class Recorder:
            def __init__(self, *args: Any, **given: Any) -> None:
                made.append((args, given))

            @classmethod
            def from_env(cls, **given: Any) -> Recorder:
                return cls(**given)

        monkeypatch.setattr("squidie_core.runtime.aio.facade.Squidie", Recorder)
        make: Any = AsyncSquidie if constructor == "__call__" else AsyncSquidie.from_env
        parameters = inspect.signature(make).parameters.values()
        options = {each.name: object() for each in parameters if each.kind is each.KEYWORD_ONLY}
        first = [object() for each in parameters if each.kind is each.POSITIONAL_ONLY]
        make(*first, **options)
        assert made == [(tuple(first), options)]

    def test_start_has_some(self) -> None:
        assert len(overloads(Squidie, "start")) == 3
