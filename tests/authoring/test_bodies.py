"""A body made ready: from stored input to its arguments, from its result to what is stored."""

from __future__ import annotations

import threading
import types
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypedDict

import pytest

from squidie_core.authoring import (
    AnnotationWarning,
    Body,
    ContractError,
    Defer,
    FailStep,
    MissingResourceError,
    Resource,
    Retry,
    RetryStep,
    StepContext,
)
from squidie_core.definition.model import Parameter
from squidie_core.errors import EncodingError, OptionError

if TYPE_CHECKING:
    from tests.authoring.flows import Checkout as Unknown


class Bank:
    pass


@dataclass
class Stop:
    name: str
    day: date | None = None


class Route(TypedDict):
    decision: str


CTX = StepContext("run-1", step="pack", resources={Bank: Bank()})


def arguments(body: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    return Body("pack", body).call_arguments(given, CTX)


class TestArguments:
    def test_values_come_by_name_as_their_annotations_say(self) -> None:
        def body(stop: Stop, count: int, plain: Any, label: str = "x") -> None: ...

        del body.__annotations__["plain"]
        given: dict[str, Any] = {
            "stop": {"name": "a", "day": {"$squidie": "date", "value": "2026-11-21"}},
            "count": 1,
            "plain": [1],
        }
        assert arguments(body, given) == {
            "stop": Stop("a", date(2026, 11, 21)),
            "count": 1,
            "plain": [1],
        }
        assert arguments(body, {**given, "label": "y"})["label"] == "y"

    def test_nothing_is_shared_with_the_stored_input(self) -> None:
        def body(items: list[Any], table: dict[str, Any]) -> None: ...

        given: dict[str, Any] = {"items": [[1]], "table": {"a": {"b": 1}}}
        taken = arguments(body, given)
        taken["items"][0].append(2)
        taken["table"]["a"]["b"] = 2
        assert given == {"items": [[1]], "table": {"a": {"b": 1}}}

    def test_all_that_is_wrong_is_said_at_once_with_its_path(self) -> None:
        def body(stop: Stop, count: int, label: str) -> None: ...

        with pytest.raises(ContractError) as caught:
            arguments(body, {"stop": {"name": 3}, "count": "1"})
        assert caught.value.code == "invalid_step_input"
        assert str(caught.value) == (
            "input of step 'pack': stop.name must be str, is int; count must be int, is str; label is missing"
        )

    def test_the_context_is_known_by_annotation_or_by_name(self) -> None:
        def annotated(attempt: StepContext, ctx: int) -> None: ...
        def named(ctx: Any, value: Any) -> None: ...
        def optional(context: StepContext | None = None) -> None: ...

        named.__annotations__.clear()

        assert arguments(annotated, {"ctx": 3}) == {"attempt": CTX, "ctx": 3}
        assert arguments(named, {"value": 1}) == {"ctx": CTX, "value": 1}
        assert arguments(optional, {}) == {"context": CTX}

    def test_resources_come_by_type(self) -> None:
        def body(bank: Resource[Bank], other: Resource[Stop] | None = None) -> None: ...

        assert arguments(body, {}) == {"bank": CTX.resource(Bank)}
        assert [item.kind for item in Body("pack", body).resources if item.required] == [Bank]
        assert Body("pack", body).parameters == ()

    def test_a_missing_resource_says_what_to_register(self) -> None:
        def body(stop: Resource[Stop]) -> None: ...

        with pytest.raises(MissingResourceError, match=r"resources=\{Stop: \.\.\.\}"):
            arguments(body, {})

    def test_two_stars_take_everything_else(self) -> None:
        def body(count: int, ctx: StepContext, **rest: Any) -> None: ...

        assert arguments(body, {"count": 1, "a": {"b": 1}, "ctx": 5}) == {"count": 1, "ctx": CTX, "a": {"b": 1}}
        assert Body("pack", body).parameters is None

    def test_two_stars_may_be_annotated(self) -> None:
        def body(**stops: Stop) -> None: ...

        assert arguments(body, {"a": {"name": "x"}}) == {"a": Stop("x")}
        with pytest.raises(ContractError, match=r"a.name is missing"):
            arguments(body, {"a": {}})

    def test_what_a_partial_fills_is_not_taken_from_the_input(self) -> None:
        def body(bank: Bank, count: int) -> None: ...

        filled = Body("pack", partial(body, bank=Bank()))
        assert filled.parameters == (Parameter(name="count"),)
        assert filled.call_arguments({"count": 1, "bank": "x"}, CTX) == {"count": 1}

    def test_wrapped_functions_keep_their_annotations(self) -> None:
        def traced(function: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(function)
            def wrapper(*args: Any, **kwargs: Any) -> Any:
                return function(*args, **kwargs)

            return wrapper

        @traced
        def body(stop: Stop) -> None: ...

        assert arguments(body, {"stop": {"name": "a"}}) == {"stop": Stop("a")}

    def test_an_annotation_that_nobody_can_resolve_is_warned_of_and_passes(self) -> None:
        def body(thing: Unknown, count: int) -> None: ...

        with pytest.warns(AnnotationWarning, match=r"step 'pack' \(.*body\), parameter thing: .*'Unknown'"):
            prepared = Body("pack", body)
        assert prepared.call_arguments({"thing": [1], "count": 1}, CTX) == {"thing": [1], "count": 1}

    def test_a_context_that_only_checkers_see_is_still_one(self) -> None:
        namespace: dict[str, Any] = {}
        exec("def body(ctx: 'lib.StepContext', count: int): ...", namespace)  # noqa: S102  # no import in it
        assert arguments(namespace["body"], {"count": 1}) == {"ctx": CTX, "count": 1}


class TestAsynchrony:
    def test_it_is_known_before_the_call(self) -> None:
        async def coroutine() -> None: ...
        def plain() -> None: ...
        def promising() -> Awaitable[None]:
            return coroutine()

        class Callable_:  # noqa: N801
            async def __call__(self) -> None: ...

            async def method(self) -> None: ...

        assert [
            Body("pack", body).is_async
            for body in (coroutine, promising, Callable_(), Callable_().method, partial(coroutine), plain)
        ] == [True, True, True, True, True, False]


class TestResults:
    @pytest.mark.parametrize(
        ("value", "plain"),
        [
            (None, {}),
            ({"a": (1, 2)}, {"a": [1, 2]}),
            (types.MappingProxyType({"a": 1}), {"a": 1}),
            (Stop("x"), {"name": "x", "day": None}),
            ({"$squidie": "x"}, {"$squidie": "x"}),
        ],
    )
    def test_what_has_names_enters_the_context_by_them(self, value: object, plain: object) -> None:
        def body() -> Any: ...

        assert Body("pack", body).accept_result(value) == plain

    @pytest.mark.parametrize("value", [3, "x", [1], date(2026, 11, 21), Stop, object()])
    def test_what_has_none_is_refused_without_output(self, value: object) -> None:
        def body() -> Any: ...

        with pytest.raises(ContractError, match="result of step 'pack': must be a mapping") as caught:
            Body("pack", body).accept_result(value)
        assert caught.value.code == "invalid_step_result"

    @pytest.mark.parametrize(
        ("value", "plain"),
        [(3, 3), (None, None), ([date(2026, 11, 21)], [{"$squidie": "date", "value": "2026-11-21"}])],
    )
    def test_anything_storable_enters_under_the_output_name(self, value: object, plain: object) -> None:
        def body() -> Any: ...

        assert Body("pack", body, output="x").accept_result(value) == {"x": plain}

    def test_what_cannot_be_stored_is_named_with_its_path(self) -> None:
        def body() -> Any: ...

        with pytest.raises(EncodingError, match=r"result of step 'pack', at a\[1\]: .*set"):
            Body("pack", body).accept_result({"a": [1, {1}]})

    def test_the_annotation_is_checked(self) -> None:
        def route() -> Route | Defer: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]
        def stop() -> Stop: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]
        def nothing() -> None: ...
        async def count() -> int: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]

        assert Body("pack", route).accept_result({"decision": "x"}) == {"decision": "x"}
        with pytest.raises(ContractError, match="result of step 'pack': decision is missing"):
            Body("pack", route).accept_result({})
        with pytest.raises(ContractError, match="must be Route, is None"):
            Body("pack", route).accept_result(None)
        assert Body("pack", stop).accept_result({"name": "x"}) == {"name": "x"}
        with pytest.raises(ContractError, match="name must be str, is int"):
            Body("pack", stop).accept_result({"name": 3})
        with pytest.raises(ContractError, match="must be None, is dict"):
            Body("pack", nothing).accept_result({"a": 1})
        assert Body("pack", count, output="n").accept_result(3) == {"n": 3}
        with pytest.raises(ContractError, match="must be int, is str"):
            Body("pack", count, output="n").accept_result("3")

    def test_a_deferral_passes_whatever_the_annotation_says(self) -> None:
        def body() -> Route | Defer: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]

        later = Defer("shut", after=1.5)
        assert Body("pack", body).accept_result(later) is later
        assert later.delay == 1_500

    def test_a_coroutine_that_nobody_awaited_is_refused(self) -> None:
        async def inner() -> None: ...
        def body() -> Any: ...

        coroutine = inner()
        with pytest.raises(ContractError, match="is coroutine"):
            Body("pack", body).accept_result(coroutine)
        coroutine.close()


class TestReadingResults:
    def test_the_result_comes_back_as_the_annotation_says(self) -> None:
        def stop() -> Stop: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]
        def many() -> list[Stop]: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]
        def nothing() -> None: ...
        def loose() -> dict[str, Any]: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]

        for body, output, value in (
            (stop, None, Stop("x", date(2026, 11, 21))),
            (stop, "here", Stop("x")),
            (many, "all", [Stop("x")]),
            (nothing, None, None),
            (loose, None, {"a": [1]}),
        ):
            prepared = Body("pack", body, output=output)
            stored = prepared.accept_result(value)
            assert isinstance(stored, dict)
            assert prepared.read_result(stored) == value

    def test_a_result_from_before_the_annotation_changed_is_refused(self) -> None:
        def stop() -> Stop: ...  # type: ignore[empty-body]  # pyright: ignore[reportReturnType]

        with pytest.raises(ContractError, match="result of step 'pack': name is missing"):
            Body("pack", stop).read_result({"title": "x"})


class TestExceptions:
    @pytest.mark.parametrize(
        ("retry", "error", "expected"),
        [
            (Retry(), ValueError(), True),
            (None, ValueError(), True),
            (Retry(), KeyboardInterrupt(), False),
            (Retry(), FailStep("no"), False),
            (Retry(retry_on=(OSError,)), FileNotFoundError(), True),
            (Retry(retry_on=(OSError,)), ValueError(), False),
            (Retry(retry_on=(OSError,)), RetryStep("again"), True),
            (Retry(give_up_on=(OSError,)), FileNotFoundError(), False),
            (Retry(retry_on=(OSError,), give_up_on=(FileNotFoundError,)), FileNotFoundError(), False),
            (Retry(retry_on=(OSError,), give_up_on=(FileNotFoundError,)), PermissionError(), True),
            (None, ExceptionGroup("", [ValueError(), ExceptionGroup("", [OSError()])]), True),
            (None, ExceptionGroup("", [ValueError(), ExceptionGroup("", [FailStep("no")])]), False),
            (Retry(retry_on=(Exception,)), ExceptionGroup("", [RetryStep("again"), FailStep("no")]), False),
            (Retry(retry_on=(OSError,)), ExceptionGroup("", [FileNotFoundError(), RetryStep("again")]), True),
            (Retry(retry_on=(OSError,)), ExceptionGroup("", [FileNotFoundError(), ValueError()]), False),
            (Retry(give_up_on=(OSError,)), ExceptionGroup("", [FileNotFoundError(), ValueError()]), False),
            (Retry(), BaseExceptionGroup("", [KeyboardInterrupt()]), False),
        ],
    )
    def test_the_policy_says_which_are_retried(
        self,
        retry: Retry | None,
        error: BaseException,
        expected: bool,  # noqa: FBT001
    ) -> None:
        def body() -> None: ...

        assert Body("pack", body, retry=retry).is_retryable(error) is expected

    def test_a_broken_contract_is_final(self) -> None:
        def body(count: int) -> None: ...

        prepared = Body("pack", body)
        with pytest.raises(ContractError) as caught:
            prepared.call_arguments({"count": "x"}, CTX)
        assert not prepared.is_retryable(caught.value)

    def test_what_bodies_say(self) -> None:
        again = RetryStep("busy", after=2, code="busy", details={"a": 1})
        assert (again.reason, again.delay, again.code, again.details) == ("busy", 2_000, "busy", {"a": 1})
        assert RetryStep("busy").delay is None
        assert (FailStep("no").code, str(FailStep("no"))) == ("step_error", "no")

    @pytest.mark.parametrize("after", [-1, float("nan"), "soon", True])
    def test_a_pause_that_cannot_be_is_refused(self, after: Any) -> None:
        with pytest.raises(OptionError, match=r"Defer\(after=\.\.\.\)"):
            Defer("later", after=after)
        with pytest.raises(OptionError, match=r"RetryStep\(after=\.\.\.\)"):
            RetryStep("later", after=after)


class TestContext:
    def test_cancellation_is_asked_of_the_flag(self) -> None:
        event = threading.Event()
        ctx = StepContext("run-1", cancel_event=event)
        before = ctx.cancelled
        event.set()
        assert (before, ctx.cancelled) == (False, True)
        assert not StepContext("run-1").cancelled

    def test_its_repr_shows_no_values(self) -> None:
        ctx = StepContext("run-1", step="pack", runnable_key="run-1:pack:1", failure={"message": "s3cret"})
        assert repr(ctx) == "<StepContext run-1:pack:1 of step 'pack'>"
