"""`trigger`: how a workflow may be started, and what a start must give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import datetime
from typing import Any, Generic, Literal, NoReturn, TypeVar, overload

from squidie_core.authoring.mistakes import DeclarationError
from squidie_core.authoring.source import NOWHERE, Source, caller
from squidie_core.dataclass import record

T = TypeVar("T")


@record(frozen=True, slots=True)
class Window:
    """The stretch of time that a cron start is for."""

    start: datetime
    end: datetime | None = None


@record(frozen=True, slots=True, kw_only=True)
class CronOptions:
    """What `trigger.cron` was told, unchecked: a workflow checks it."""

    expression: str
    timezone: str = "UTC"
    values: Callable[[Window], Any] | None = None
    idempotency: Literal["return_existing_run", "skip_duplicate"] | None = None


@record(frozen=True, slots=True, eq=False)
class Trigger(Generic[T]):
    """A declared way to start a workflow; made by `trigger`. The workflows that bind it name it.

    `contract` is a class, or None where `contract_fields` says all.
    """

    kind: Literal["manual", "cron"]
    contract: type[T] | None
    contract_fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    cron: CronOptions | None = None
    source: Source = NOWHERE

    def _same(self, payload: T) -> T:
        """Makes checkers take `Trigger` as invariant in its contract."""
        return payload

    def __bool__(self) -> NoReturn:
        raise DeclarationError(f"{self!r} is a declaration and has no truth value")

    def __repr__(self) -> str:
        contract = getattr(self.contract, "__name__", "")
        given = contract or ", ".join(self.contract_fields)
        return f"<trigger.{self.kind}({given}) at {self.source.short}>"


class TriggerFactory:
    """The type of `trigger`."""

    __slots__ = ()

    @overload
    def manual(self, contract: type[T], /) -> Trigger[T]: ...
    @overload
    def manual(self, /) -> Trigger[None]: ...  # pyright: ignore[reportOverlappingOverload]  # no fields: no payload
    @overload
    def manual(self, /, **contract_fields: Any) -> Trigger[Mapping[str, Any]]: ...

    def manual(self, contract: type[Any] | None = None, /, **contract_fields: Any) -> Trigger[Any]:
        """Declare a start by a caller.

        Its payload is described by a dataclass, a TypedDict or a pydantic model, or by fields
        (`trigger.manual(order_id=str, amount=int)`); without either a start gives nothing.
        """
        return Trigger("manual", contract, contract_fields, None, caller())

    @overload
    def cron(
        self,
        expression: str,
        contract: type[T],
        /,
        *,
        values: Callable[[Window], T | Mapping[str, Any]] | None = None,
        timezone: str = "UTC",
        idempotency: Literal["return_existing_run", "skip_duplicate"] | None = None,
    ) -> Trigger[T]: ...
    @overload
    def cron(
        self,
        expression: str,
        /,
        *,
        timezone: str = "UTC",
        idempotency: Literal["return_existing_run", "skip_duplicate"] | None = None,
    ) -> Trigger[None]: ...

    def cron(
        self,
        expression: str,
        contract: type[Any] | None = None,
        /,
        *,
        values: Callable[[Window], Any] | None = None,
        timezone: str = "UTC",
        idempotency: Literal["return_existing_run", "skip_duplicate"] | None = None,
    ) -> Trigger[Any]:
        """Declare a start by the clock: five cron fields, read in `timezone`.

        `values` makes the payload of a window; without it the contract's defaults must suffice. `idempotency` says
        what a second delivery of one window gives.
        """
        options = CronOptions(expression=expression, timezone=timezone, values=values, idempotency=idempotency)
        return Trigger("cron", contract, {}, options, caller())


trigger = TriggerFactory()
"""Declares a trigger: `trigger.manual(...)` or `trigger.cron(...)`."""
