"""The fingerprint names what is executed: it changes with that, and with nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from squidie_core.authoring import Backoff, Deadline, Retry, Workflow, compiled, end, sequence, step, trigger, where
from tests.authoring import flows
from tests.authoring.flows import Order, RingErrand

GOLDEN = "a9bd3e3850d7c5e4b63e647d1989f2ecc96fdcc0bb395217556797c4ce2a4acc"


def test_a_definition_keeps_its_fingerprint() -> None:
    """Runs are pinned to fingerprints: if this fails, running workflows have changed their identity."""
    assert compiled(RingErrand).fingerprint == GOLDEN


def one(body: Callable[..., Any] = flows.reserve_stock, **options: Any) -> str:
    """The fingerprint of a workflow with this step in it."""
    members = {"go": trigger.manual(Order), "only": step(body, **options)}
    return compiled(type("One", (Workflow,), members, name="one")).fingerprint


def two(*members: str, **options: Any) -> str:
    """The fingerprint of a workflow with two steps and these transitions between them."""
    first, second = step(flows.reserve_stock), step(flows.ship_order, **options)
    known = {
        "chain": first.ok.to(second),
        "when 1": first.ok.to(second, when=where("amount").equals(1)),
        "when 2": first.ok.to(second, when=where("amount").equals(2)),
        "when >": first.ok.to(second, when=where("amount").greater_than(1)),
        "error": first.error.to(second),
        "undo": first.error.to(second, recovery="undo"),
        "stop": second.ok.to(end),
        "loop 2": second.error.to(first, max_visits=2),
        "loop 3": second.error.to(first, max_visits=3),
    }
    namespace: dict[str, Any] = {"go": trigger.manual(Order), "first": first, "second": second}
    namespace["transitions"] = tuple(known[name] for name in members)
    return compiled(type("Two", (Workflow,), namespace, name="two")).fingerprint


def whole(namespace: dict[str, Any] | None = None, **keywords: Any) -> str:
    members = {"go": trigger.manual(Order), "only": step(flows.ship_order), **(namespace or {})}
    return compiled(type("Whole", (Workflow,), members, **{"name": "whole", **keywords})).fingerprint


class TestWhatChangesIt:
    @pytest.mark.parametrize(
        "options",
        [
            {"input": {"order_id": "amount"}},
            {"output": "stock"},
            {"retry": 3},
            {"deadline": Deadline(within=5)},
            {"timeout": 5},
            {"compensate": flows.release_stock},
            {"compensate": flows.release_stock, "compensate_retry": 3},
            {"irreversible": True},
            {"compensatable": False},
            {"await_children": True},
            {"max_deliveries": 6},
            {"name": "other"},
            {"body": flows.charge_card},
        ],
        ids=", ".join,
    )
    def test_an_option_of_a_step(self, options: dict[str, Any]) -> None:
        assert one(**options) != one()

    @pytest.mark.parametrize(
        "retry",
        [
            Retry(4),
            Retry(3, None),
            Retry(3, Backoff(min=2)),
            Retry(3, Backoff(max=299)),
            Retry(3, Backoff(factor=3)),
            Retry(3, Backoff(jitter=False)),
            Retry(3, retry_on=(OSError,)),
            Retry(3, give_up_on=(OSError,)),
        ],
    )
    def test_every_part_of_a_retry(self, retry: Retry) -> None:
        assert one(retry=retry) != one(retry=3)

    @pytest.mark.parametrize(
        "deadline",
        [
            Deadline(within=6),
            Deadline(within=5, due_soon=1),
            Deadline(within=5, escalate_after=1),
            Deadline(within=5, escalation="operator_action"),
        ],
    )
    def test_every_part_of_a_deadline(self, deadline: Deadline) -> None:
        assert one(deadline=deadline) != one(deadline=Deadline(within=5))

    def test_transitions(self) -> None:
        forms = [
            ["chain"],
            ["chain", "stop"],
            ["when 1", "chain"],
            ["when 1"],
            ["when 2"],
            ["when >"],
            ["when 1", "when 2"],
            ["when 2", "when 1"],
            ["error"],
            ["undo"],
            ["chain", "loop 2"],
            ["chain", "loop 3"],
        ]
        assert len({two(*form) for form in forms}) == len(forms)

    def test_the_workflow_itself(self) -> None:
        others = [
            whole(name="other"),
            whole(version="1"),
            whole(queue="slow"),
            whole(on_drift="fail"),
            whole({"go": trigger.manual(order_id=str)}),
            whole({"go": trigger.manual(order_id=str, amount=str)}),
            whole({"only": step.wait(5)}),
            whole({"only": step.wait(6)}),
            whole({"only": step.log("a")}),
            whole({"only": step.log("a", level="debug")}),
            whole({"daily": trigger.cron("0 7 * * *", timezone="UTC")}),
            whole({"daily": trigger.cron("0 8 * * *", timezone="UTC")}),
            whole({"daily": trigger.cron("0 8 * * *", timezone="Europe/Berlin")}),
            whole({"daily": trigger.cron("0 8 * * *", idempotency="skip_duplicate")}),
        ]
        assert len({whole(), *others}) == len(others) + 1


class TestWhatDoesNot:
    def test_saying_a_default(self) -> None:
        assert one(retry=Retry(3)) == one(retry=Retry(3, Backoff(min=1, max=300, factor=2, jitter=True)))
        assert one(max_deliveries=5, irreversible=False, after=(), compensatable=True) == one()
        assert whole(on_drift="continue", version=None) == whole()

    def test_the_order_of_what_has_none(self) -> None:
        def body(a: int, b: int) -> None:
            del a, b

        assert one(body, input={"a": "amount", "b": "order_id"}) == one(body, input={"b": "order_id", "a": "amount"})
        errors: list[Any] = [OSError, KeyError]
        assert one(retry=Retry(retry_on=tuple(errors))) == one(retry=Retry(retry_on=tuple(reversed(errors))))

        def joined(*names: str) -> str:
            steps = {"a": step(flows.march), "b": step(flows.march)}
            last = step(flows.march, after=[steps[name] for name in names])
            return whole({**steps, "last": last})

        assert joined("a", "b") == joined("b", "a")

    def test_another_form_of_the_same_duration(self) -> None:
        assert one(timeout=90) == one(timeout=timedelta(minutes=1, seconds=30))

    def test_another_body_with_the_same_parameters(self) -> None:
        assert one(flows.tell_customer) == one(flows.ship_order)

    def test_a_sequence_is_its_transitions(self) -> None:
        first, second = step(flows.reserve_stock), step(flows.ship_order)
        members = {"go": trigger.manual(Order), "first": first, "second": second}
        chained = {**members, "transitions": sequence(first, second)}
        assert compiled(type("Two", (Workflow,), chained, name="two")).fingerprint == two("chain")
