"""Runs that are undone: callbacks after a failure that no route takes, and after a cancellation that asks for it."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from adapters.harnesses.memory import MemoryHarness
from squidie_contract.harness import Harness
from squidie_core import (
    Defer,
    FailStep,
    InvalidTransitionError,
    OptionError,
    Resource,
    Retry,
    RetryStep,
    Snapshot,
    Squidie,
    StepContext,
    Workflow,
    end,
    sequence,
    step,
    trigger,
    where,
)
from squidie_core.journal.entries import CompensationStarted, RunnablesPlanned, RunTerminal
from squidie_core.memory import MemoryStorage, MemoryWorld
from tests.clocks import Clock
from tests.constructs.racing import Arena, at_every_moment, in_many_orders, outcome
from tests.runtime.stores import Store, assert_consistent, entries_of, working
from tests.runtime.waiting import PATIENCE, eventually


class Book:
    """What the bodies did, in order; and what they are told to get wrong."""

    def __init__(self, *broken: str) -> None:
        self.lines: list[str] = []
        self.contexts: list[StepContext] = []
        self.broken = set(broken)
        self.go_on = threading.Event()

    def write(self, line: str) -> None:
        self.lines.append(line)
        if line.split(maxsplit=1)[0] in self.broken:
            raise FailStep(f"{line} is broken", code=f"broken_{line.split(maxsplit=1)[0]}")


def reserve(order: str, book: Resource[Book]) -> dict[str, str]:
    book.write("reserve")
    return {"reservation": f"r-{order}"}


def release(reservation: str, order: str, book: Resource[Book]) -> None:
    book.write(f"release {reservation} {order}")


def charge(order: str, book: Resource[Book]) -> str:
    book.write("charge")
    return f"p-{order}"


def refund(payment: str, ctx: StepContext, book: Resource[Book]) -> dict[str, str]:
    book.contexts.append(ctx)
    book.write(f"refund {payment}")
    return {"refunded": payment}


def ship(book: Resource[Book]) -> dict[str, str]:
    book.write("ship")
    return {}


def unship(book: Resource[Book]) -> None:
    book.write("unship")


class Checkout(Workflow, name="checkout"):
    place = trigger.manual(order=str)
    reserve = step(reserve, compensate=release)
    charge = step(charge, output="payment", compensate=refund)
    ship = step(ship, compensate=unship)
    transitions = sequence(reserve, charge, ship)


def opened(store: Store, book: Book, *workflows: type[Workflow]) -> Squidie:
    return store.open(*(workflows or (Checkout,)), resources={Book: book})


def driven(store: Store, book: Book, workflow: type[Workflow] = Checkout) -> tuple[Squidie, Snapshot]:
    """The run of an order after everything that can be done for it was done."""
    squidie = opened(store, book, workflow)
    run = squidie.start(workflow, {"order": "o1"})
    squidie.drain()
    assert_consistent(squidie, run)
    return squidie, squidie.inspect_run(run)


def undoings(run: Snapshot) -> list[tuple[str, str]]:
    return [(view.step, view.status) for view in run.attempts if view.kind == "compensation"]


class TestAFailure:
    def test_undoes_what_was_applied_the_last_first(self, store: Store) -> None:
        book = Book("ship")
        squidie, run = driven(store, book)
        assert book.lines == ["reserve", "charge", "ship", "refund p-o1", "release r-o1 o1"]
        assert (run.status, run.reason, run.compensation_errors) == ("failed", "terminal", ())
        assert run.error is not None
        assert (run.error["code"], run.error["step"]) == ("broken_ship", "ship")
        assert undoings(run) == [("charge", "applied"), ("reserve", "applied")]
        assert run.context == {"order": "o1", "reservation": "r-o1", "payment": "p-o1"}
        assert run.output(Checkout.charge) == "p-o1"
        keys = [view.runnable_key for view in run.attempts if view.kind == "compensation"]
        assert keys == [f"{run.id}:compensate:charge:1", f"{run.id}:compensate:reserve:1"]
        assert [entry.TYPE for entry in entries_of(squidie, run)[-1:]] == ["run_terminal"]

    def test_is_what_the_callbacks_are_told(self, memory: Store) -> None:
        book = Book("ship")
        _, run = driven(memory, book)
        ctx = book.contexts[0]
        assert ctx.failure == run.error
        assert (ctx.step, ctx.attempt, ctx.idempotency_key) == ("charge", 1, ctx.runnable_key)
        assert ctx.runnable_key == f"{run.id}:compensate:charge:1"

    def test_shows_on_the_way(self, memory: Store) -> None:
        squidie = opened(memory, Book("ship"))
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=3)
        found = squidie.inspect_run(run)
        assert (found.status, found.reason, found.terminal) == ("running", "compensating", False)
        assert found.error is not None
        assert found.error["code"] == "broken_ship"
        assert found.waiting_for is not None
        assert found.waiting_for.step == "charge"
        graph = squidie.inspect_run_graph(run)
        assert {node.id: node.status for node in graph.nodes} == {
            "reserve": "completed",
            "charge": "completed",
            "ship": "failed",
            "compensate:charge": "pending",
            "compensate:reserve": "waiting",
        }
        assert graph.current_node_ids == ("compensate:charge",)
        assert graph.edge("charge:compensation:compensate:charge").status == "selected"
        assert graph.edge("reserve:compensation:compensate:reserve").status == "pending"
        assert graph.node("compensate:charge").compensates == "charge"
        squidie.drain()
        statuses = {node.id: node.status for node in squidie.inspect_run_graph(run).nodes}
        assert (statuses["compensate:charge"], statuses["compensate:reserve"]) == ("completed", "completed")

    def test_of_the_first_step_has_nothing_to_undo(self, memory: Store) -> None:
        book = Book("reserve")
        squidie, run = driven(memory, book)
        assert book.lines == ["reserve"]
        assert run.status == "failed"
        assert not any(isinstance(entry, CompensationStarted) for entry in entries_of(squidie, run))

    def test_that_a_route_takes_undoes_nothing(self, memory: Store) -> None:
        class Routed(Workflow, name="routed"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            ship = step(ship)
            transitions = (reserve.ok.to(ship), ship.ok.to(end), ship.error.to(end))

        book = Book("ship")
        _, run = driven(memory, book, Routed)
        assert (run.status, book.lines) == ("completed", ["reserve", "ship"])

    def test_on_an_error_route_undoes_both_ways(self, memory: Store) -> None:
        """A step that failed and was routed has nothing to undo; what its route did has."""

        class Routed(Workflow, name="routed"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            last = step(ship)
            ship = step(ship, compensate=unship)
            charge = step(charge, output="payment", compensate=refund)
            transitions = (
                reserve.ok.to(ship),
                ship.ok.to(end),
                ship.error.to(charge, recovery="compensation"),
                charge.ok.to(last),
            )

        book = Book("ship")
        _, run = driven(memory, book, Routed)
        assert run.status == "failed"
        assert book.lines == ["reserve", "ship", "charge", "ship", "refund p-o1", "release r-o1 o1"]

    def test_to_choose_a_route_undoes_the_step_that_ended_too(self, memory: Store) -> None:
        class Lost(Workflow, name="lost"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            ship = step(ship)
            transitions = (reserve.ok.to(ship, when=where("order").equals("another")),)

        book = Book()
        _, run = driven(memory, book, Lost)
        assert run.error is not None
        assert run.error["code"] == "no_matching_transition"
        assert book.lines == ["reserve", "release r-o1 o1"]

    def test_to_find_an_input_undoes(self, memory: Store) -> None:
        def want(nothing: str) -> None:
            del nothing

        class Wanting(Workflow, name="wanting"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            asking = step(want, input={"nothing": "nowhere.at.all"})
            transitions = sequence(reserve, asking)

        book = Book()
        _, run = driven(memory, book, Wanting)
        assert run.error is not None
        assert run.error["code"] == "missing_input_path"
        assert book.lines == ["reserve", "release r-o1 o1"]


class TestTheOrder:
    def test_is_that_of_the_ends_and_not_of_the_beginnings(self, memory: Store) -> None:
        def act(ctx: StepContext, book: Resource[Book]) -> dict[str, Any]:
            if ctx.step == "first" and ctx.attempt == 1:
                raise RetryStep("after the second", after=0)
            book.write(ctx.step)
            return {}

        def undo(ctx: StepContext, book: Resource[Book]) -> None:
            book.write(f"-{ctx.step}")

        class Beside(Workflow, name="beside"):
            place = trigger.manual(order=str)
            first = step(act, retry=2, compensate=undo)
            second = step(act, compensate=undo)
            broken = step(act, after=[first, second], compensate=undo)

        book = Book("broken")
        driven(memory, book, Beside)
        assert book.lines == ["second", "first", "broken", "-first", "-second"]

    def test_takes_in_every_visit_of_a_loop(self, memory: Store) -> None:
        def act(book: Resource[Book], n: int = 0) -> dict[str, int]:
            book.write(f"act {n}")
            if n == 2:
                raise FailStep("enough")
            return {"n": n + 1}

        def undo(n: int, ctx: StepContext, book: Resource[Book]) -> None:
            book.write(f"undo {n} {ctx.runnable_key.split(':', 1)[1]}")

        class Loop(Workflow, name="loop"):
            place = trigger.manual(order=str)
            turn = step(act, compensate=undo)
            transitions = (turn.ok.to(turn, max_visits=5),)

        book = Book()
        driven(memory, book, Loop)
        assert book.lines == ["act 0", "act 1", "act 2", "undo 2 compensate:turn#2:1", "undo 1 compensate:turn:1"]

    def test_goes_by_one_at_a_time(self, store: Store) -> None:
        book = Book("ship")
        squidie = opened(store, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain()
        plans = [e for e in entries_of(squidie, run) if isinstance(e, RunnablesPlanned)]
        assert [len(entry.runnables) for entry in plans] == [1] * 5


class TestACallback:
    def test_that_fails_is_listed_and_the_others_run(self, store: Store) -> None:
        book = Book("ship", "refund")
        _, run = driven(store, book)
        assert book.lines == ["reserve", "charge", "ship", "refund p-o1", "release r-o1 o1"]
        assert run.error is not None
        assert (run.status, run.error["code"]) == ("failed", "broken_ship")
        (error,) = run.compensation_errors
        assert (error["code"], error["step"], error["visit"]) == ("broken_refund", "charge", 1)
        assert error["runnable_key"] == f"{run.id}:compensate:charge:1"
        assert undoings(run) == [("charge", "failed"), ("reserve", "applied")]
        assert run.to_dict()["compensation_errors"] == [error]

    def test_has_a_policy_of_its_own(self, memory: Store) -> None:
        def stubborn(ctx: StepContext, book: Resource[Book]) -> None:
            book.contexts.append(ctx)
            if ctx.attempt < 3:
                raise ConnectionError("the bank is closed")

        class Stubborn(Workflow, name="stubborn"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=stubborn, compensate_retry=Retry(3, None))
            charge = step(charge, output="payment", retry=Retry(5, None), compensate=stubborn)
            ship = step(ship)
            transitions = sequence(reserve, charge, ship)

        book = Book("ship")
        _, run = driven(memory, book, Stubborn)
        assert [(ctx.step, ctx.attempt) for ctx in book.contexts] == [
            ("charge", 1),
            ("reserve", 1),
            ("reserve", 2),
            ("reserve", 3),
        ]
        assert len({ctx.idempotency_key for ctx in book.contexts[1:]}) == 1
        assert len({ctx.claim_id for ctx in book.contexts}) == 4
        assert [error["step"] for error in run.compensation_errors] == ["charge"]

    @pytest.mark.parametrize("gives", [True, {"odd": object()}, 7, [1], {"much": "x" * 300_000}])
    def test_may_return_what_it_likes(self, memory: Store, gives: Any) -> None:
        class Careless(Workflow, name="careless"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=lambda: gives)
            ship = step(ship)
            transitions = sequence(reserve, ship)

        _, run = driven(memory, Book("ship"), Careless)
        assert run.compensation_errors == ()
        assert undoings(run) == [("reserve", "applied")]

    def test_keeps_what_it_says_out_of_the_context(self, memory: Store) -> None:
        _, run = driven(memory, Book("ship"))
        view = next(view for view in run.attempts if view.runnable_key.endswith("compensate:charge:1"))
        assert view.result == {"refunded": "p-o1"}
        assert "refunded" not in run.context

    def test_may_wait(self, memory: Store) -> None:
        def patient(book: Resource[Book]) -> Defer | None:
            book.write("ask")
            return Defer("not yet", after=0) if book.lines.count("ask") < 3 else None

        class Patient(Workflow, name="patient"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            charge = step(charge, output="payment", compensate=patient)
            ship = step(ship)
            transitions = sequence(reserve, charge, ship)

        book = Book("ship")
        _, run = driven(memory, book, Patient)
        assert book.lines == ["reserve", "charge", "ship", "ask", "ask", "ask", "release r-o1 o1"]
        assert run.compensation_errors == ()

    def test_has_the_steps_timeout(self, memory: Store) -> None:
        async def dawdle() -> None:
            import asyncio  # noqa: PLC0415  # as a body would

            await asyncio.sleep(PATIENCE)

        class Dawdling(Workflow, name="dawdling"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=dawdle, timeout=0.1)
            ship = step(ship)
            transitions = sequence(reserve, ship)

        squidie = opened(memory, Book("ship"), Dawdling)
        with working(squidie):
            run = squidie.start(Dawdling, {"order": "o1"})
            eventually(lambda: squidie.inspect_run(run).terminal)
        (error,) = squidie.inspect_run(run).compensation_errors
        assert (error["code"], error["step"]) == ("step_timeout", "reserve")

    def test_that_needs_what_the_step_does_not_have_fails_alone(self, memory: Store) -> None:
        def want(nothing: str) -> None:
            del nothing

        class Wanting(Workflow, name="wanting"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            charge = step(charge, output="payment", compensate=want, compensate_retry=3)
            ship = step(ship)
            transitions = sequence(reserve, charge, ship)

        book = Book("ship")
        _, run = driven(memory, book, Wanting)
        assert [error["code"] for error in run.compensation_errors] == ["invalid_step_input"]
        assert undoings(run) == [("charge", "failed"), ("reserve", "applied")]

    def test_that_nobody_has_is_waited_for(self, memory: Store) -> None:
        class Checkout2(Workflow, name="checkout"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            charge = step(charge, output="payment")
            ship = step(ship, compensate=unship)
            transitions = sequence(reserve, charge, ship)

        book = Book("ship")
        squidie = opened(memory, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=3)
        newer = opened(memory, book, Checkout2)
        assert newer.drain() == 0
        assert newer.inspect_run(run).reason == "step_unavailable"
        with working(squidie):
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert book.lines[-2:] == ["refund p-o1", "release r-o1 o1"]

    def test_that_ends_its_workers_is_given_up(self) -> None:
        stores, book = Clocked(), Book("ship")

        class Deadly(Workflow, name="deadly"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            charge = step(charge, output="payment", compensate=refund, max_deliveries=2)
            ship = step(ship)
            transitions = sequence(reserve, charge, ship)

        squidie = stores.open(book, Deadly)
        run = squidie.start(Deadly, {"order": "o1"})
        squidie.drain(limit=3)
        for _ in range(2):
            stores.claim_and_die(squidie, book)
        squidie.drain()
        found = squidie.inspect_run(run)
        assert found.terminal
        assert [error["code"] for error in found.compensation_errors] == ["max_deliveries"]
        assert book.lines[-1] == "release r-o1 o1"


class Dies(BaseException):
    """The end of a process, as far as the test goes."""


class Clocked:
    """A store in memory whose clock the test turns."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.world = MemoryWorld(clock=self.clock)

    def open(self, book: Book, *workflows: type[Workflow]) -> Squidie:
        return Squidie(MemoryStorage(world=self.world), workflows=workflows, resources={Book: book})

    def claim_and_die(self, squidie: Squidie, book: Book) -> None:
        """Take the next attempt, and never come back."""

        def die(line: str) -> None:
            del line
            raise KeyboardInterrupt

        write = book.write
        book.write = die  # type: ignore[method-assign]  # the body ends here
        with pytest.raises(KeyboardInterrupt):
            squidie.execute_next()
        book.write = write  # type: ignore[method-assign]  # as it was
        self.clock.now += 60_000


class TestSiblings:
    def test_in_flight_are_told_and_what_they_give_is_dropped(self, memory: Store) -> None:
        def slow(ctx: StepContext, book: Resource[Book]) -> dict[str, Any]:
            book.contexts.append(ctx)
            book.go_on.wait(PATIENCE)
            return {"slow": True}

        def unslow(book: Resource[Book]) -> None:
            book.write("unslow")

        def broken(book: Resource[Book]) -> None:
            eventually(lambda: book.contexts)
            book.write("broken")

        def release_then(reservation: str, order: str, book: Resource[Book]) -> None:
            eventually(lambda: book.contexts[0].cancelled)
            release(reservation, order, book)

        class Beside(Workflow, name="beside"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release_then)
            left = step(slow, after=[reserve], compensate=unslow)
            right = step(broken, after=[reserve])
            rest = step.wait(3600, after=[reserve])

        book = Book("broken")
        squidie = opened(memory, book, Beside)
        with working(squidie, lease_for=3600):
            run = squidie.start(Beside, {"order": "o1"})
            eventually(lambda: squidie.inspect_run(run).terminal)
            book.go_on.set()
        found = squidie.inspect_run(run)
        assert book.lines == ["reserve", "broken", "release r-o1 o1"]
        assert "slow" not in found.context
        assert {view.step: view.status for view in found.attempts if view.kind != "compensation"} == {
            "reserve": "applied",
            "left": "cancelled",
            "right": "failed",
            "rest": "cancelled",
        }
        assert_consistent(squidie, run)

    def test_of_another_worker_are_told_too(self, memory: Store) -> None:
        def slow(ctx: StepContext, book: Resource[Book]) -> None:
            book.contexts.append(ctx)
            eventually(lambda: ctx.cancelled)

        def broken(book: Resource[Book]) -> None:
            book.write("broken")

        def wait_for_it(book: Resource[Book]) -> None:
            book.go_on.wait(PATIENCE)

        class Beside(Workflow, name="beside"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=wait_for_it)
            left = step(slow, after=[reserve])
            right = step(broken, after=[reserve])

        book = Book("broken")
        squidie = opened(memory, book, Beside)
        run = squidie.start(Beside, {"order": "o1"})
        squidie.drain(limit=1)
        with working(squidie, concurrency=1, lease_for=3600):
            eventually(lambda: book.contexts)
            other = opened(memory, book, Beside)
            thread = threading.Thread(target=other.drain)
            thread.start()
            eventually(lambda: squidie.inspect_run(run).reason == "compensating")
            eventually(lambda: book.contexts[0].cancelled)
            book.go_on.set()
            thread.join(PATIENCE)
        assert squidie.inspect_run(run).status == "failed"


class TestCancelling:
    def test_undoes_where_it_is_asked_for(self, store: Store) -> None:
        book = Book()
        squidie = opened(store, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=2)
        begun = squidie.cancel(run, compensate=True, actor="sam")
        assert (begun.status, begun.reason, begun.error) == ("running", "compensating", None)
        squidie.drain()
        found = squidie.inspect_run(run)
        assert (found.status, found.error, found.compensation_errors) == ("cancelled", None, ())
        assert book.lines == ["reserve", "charge", "refund p-o1", "release r-o1 o1"]
        assert book.contexts[0].failure is None
        assert_consistent(squidie, run)

    def test_undoes_nothing_where_it_is_not(self, memory: Store) -> None:
        book = Book()
        squidie = opened(memory, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=2)
        assert squidie.cancel(run).status == "cancelled"
        assert squidie.drain() == 0
        assert book.lines == ["reserve", "charge"]

    def test_ends_at_once_what_has_nothing_to_undo(self, memory: Store) -> None:
        squidie = opened(memory, Book())
        run = squidie.start(Checkout, {"order": "o1"})
        assert squidie.cancel(run, compensate=True).status == "cancelled"

    def test_undoes_a_run_that_waits_at_a_gate(self, memory: Store) -> None:
        class Gated(Workflow, name="gated"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=release)
            ask = step.approval()
            transitions = (reserve.ok.to(ask), ask.ok.to(end), ask.error.to(end))

        book = Book()
        squidie = opened(memory, book, Gated)
        run = squidie.start(Gated, {"order": "o1"})
        squidie.drain()
        begun = squidie.cancel(run, compensate=True)
        assert (begun.status, begun.reason) == ("running", "compensating")
        with pytest.raises(InvalidTransitionError):
            squidie.approve(run, actor="sam")
        squidie.drain()
        assert book.lines == ["reserve", "release r-o1 o1"]
        assert squidie.inspect_run(run).status == "cancelled"

    @pytest.mark.parametrize("compensate", [None, True])
    def test_does_not_stop_a_rollback(self, memory: Store, compensate: bool | None) -> None:  # noqa: FBT001
        book = Book("ship")
        squidie = opened(memory, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=3)
        with pytest.raises(InvalidTransitionError, match="compensate=False") as refused:
            squidie.cancel(run, compensate=compensate)
        assert refused.value.code == "invalid_transition"
        assert refused.value.details["reason"] == "compensating"
        squidie.drain()
        assert squidie.inspect_run(run).status == "failed"
        assert book.lines[-1] == "release r-o1 o1"

    def test_stops_a_rollback_where_it_says_so_and_lists_what_is_left(self, memory: Store) -> None:
        book = Book("ship")
        squidie = opened(memory, book)
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=3)
        found = squidie.cancel(run, compensate=False)
        assert found.error is not None
        assert (found.status, found.error["code"]) == ("cancelled", "broken_ship")
        assert [(e["step"], e["code"]) for e in found.compensation_errors] == [
            ("charge", "compensation_abandoned"),
            ("reserve", "compensation_abandoned"),
        ]
        assert squidie.drain() == 0
        graph = squidie.inspect_run_graph(run)
        assert graph.node("compensate:reserve").status == "cancelled"
        assert graph.edge("reserve:compensation:compensate:reserve").status == "skipped"

    def test_twice_with_one_key_is_once(self, memory: Store) -> None:
        squidie = opened(memory, Book())
        run = squidie.start(Checkout, {"order": "o1"})
        squidie.drain(limit=1)
        first = squidie.cancel(run, compensate=True, idempotency_key="k")
        assert squidie.cancel(run, compensate=True, idempotency_key="k").rev == first.rev

    def test_takes_only_a_flag(self, memory: Store) -> None:
        squidie = opened(memory, Book())
        run = squidie.start(Checkout, {"order": "o1"})
        with pytest.raises(OptionError, match="compensate"):
            squidie.cancel(run, compensate="yes")  # type: ignore[arg-type]  # that is the point


class TestAWorker:
    def test_calls_back_in_threads_and_in_its_loop(self, store: Store) -> None:
        async def softly(reservation: str, ctx: StepContext, book: Resource[Book]) -> None:
            book.contexts.append(ctx)
            book.write(f"softly {reservation}")

        class Mixed(Workflow, name="mixed"):
            place = trigger.manual(order=str)
            reserve = step(reserve, compensate=softly)
            charge = step(charge, output="payment", compensate=step(refund, retry=2))
            ship = step(ship)
            transitions = sequence(reserve, charge, ship)

        book = Book("ship")
        squidie = opened(store, book, Mixed)
        with working(squidie):
            run = squidie.start(Mixed, {"order": "o1"})
            eventually(lambda: squidie.inspect_run(run).terminal)
        assert book.lines == ["reserve", "charge", "ship", "refund p-o1", "softly r-o1"]
        assert_consistent(squidie, run)


def begun(arena: Arena, *, attempts: int) -> tuple[Snapshot, Book]:
    """A run of which so many attempts were made, and the book of all clients."""
    book = Book("ship")
    arena.resources[Book] = book
    run = arena.quiet.start(Checkout, {"order": "o1"})
    arena.quiet.drain(limit=attempts)
    return run, book


def ended(arena: Arena, run: Snapshot) -> Snapshot:
    arena.finish(run)
    assert_consistent(arena.quiet, run)
    return arena.quiet.inspect_run(run)


def once_each(book: Book) -> bool:
    return len(book.lines) == len(set(book.lines))


class TestRaces:
    def test_two_workers_at_one_rollback_call_back_each_step_once(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run, book = begun(arena, attempts=2)
            arena.race(Squidie.drain, Squidie.drain)
            assert ended(arena, run).status == "failed"
            assert book.lines[-2:] == ["refund p-o1", "release r-o1 o1"]
            assert once_each(book)

        in_many_orders(harness, Checkout, race=race)

    def test_a_cancellation_comes_before_the_failure_or_is_refused(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run, book = begun(arena, attempts=2)
            _, answer = arena.race(Squidie.drain, lambda squidie: outcome(lambda: squidie.cancel(run, compensate=True)))
            found = ended(arena, run)
            assert found.status == ("failed" if isinstance(answer, InvalidTransitionError) else "cancelled")
            assert book.lines[-2:] == ["refund p-o1", "release r-o1 o1"]
            assert once_each(book)
            started = [e for e in entries_of(arena.quiet, run) if isinstance(e, CompensationStarted)]
            assert [entry.status for entry in started] == [found.status]

        at_every_moment(harness, Checkout, race=race)
        in_many_orders(MemoryHarness, Checkout, race=race)

    def test_a_rollback_that_is_stopped_lists_exactly_what_is_left(self, harness: type[Harness]) -> None:
        def race(arena: Arena) -> None:
            run, book = begun(arena, attempts=3)
            _, answer = arena.race(
                Squidie.drain, lambda squidie: outcome(lambda: squidie.cancel(run, compensate=False))
            )
            found = ended(arena, run)
            left = [error["step"] for error in found.compensation_errors]
            undone = [view.step for view in found.attempts if view.kind == "compensation" and view.status == "applied"]
            assert undone + left == ["charge", "reserve"]
            assert isinstance(answer, InvalidTransitionError) == (left == [])
            ends = [entry for entry in entries_of(arena.quiet, run) if isinstance(entry, RunTerminal)]
            assert [entry.status for entry in ends] == ["cancelled" if left else "failed"]
            assert once_each(book)

        at_every_moment(harness, Checkout, race=race)
        in_many_orders(MemoryHarness, Checkout, race=race)

    def test_a_rollback_that_is_taken_over_undoes_each_step_once_in_the_journal(self) -> None:
        def race(arena: Arena) -> None:
            run, book = begun(arena, attempts=2)
            arena.race(arena.work, arena.take_over)
            found = ended(arena, run)
            callbacks = [view for view in found.attempts if view.kind == "compensation"]
            assert [(view.step, view.status) for view in callbacks] == [("charge", "applied"), ("reserve", "applied")]
            assert found.compensation_errors == ()
            lines = [line for line in book.lines if line.startswith(("refund", "release"))]
            assert list(dict.fromkeys(lines)) == ["refund p-o1", "release r-o1 o1"]
            assert all(lines.count(line) <= 2 for line in lines)

        at_every_moment(MemoryHarness, Checkout, race=race)
        in_many_orders(MemoryHarness, Checkout, race=race)
