"""A command as a value: it can be made where no store is, kept, sent, and applied later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, Literal

from squidie_core.authoring import Workflow, compiled
from squidie_core.dataclass import dataclass
from squidie_core.journal.entries import Json
from squidie_core.journal.values import encode, encode_mapping
from squidie_core.signals.checks import check, refuse

Actor = str | Mapping[str, Any]
WorkflowRef = type[Workflow] | str
"""A workflow, or its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that is asked of a run; make it with one of the class methods.

    `payload` and `metadata` are plain JSON. `occurred_at` is when it was asked for, by the clock of who asks. Applied
    twice, a signal with an `idempotency_key` takes effect once. Every way of making one checks it, and raises
    OptionError: code `unsupported_signal` for another type, `invalid_signal` otherwise, whose details say which `field`
    and the `reason`, and never a value; EncodingError for values that no journal can hold.
    """

    type: str
    payload: Mapping[str, Json] = field(repr=False)
    metadata: Mapping[str, Json] = field(default_factory=dict[str, Json], repr=False)
    occurred_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    idempotency_key: str | None = None

    def __post_init__(self) -> None:
        check(self.type, self.payload, self.metadata, self.occurred_at, self.idempotency_key)

    @property
    def subject(self) -> str:
        """What it is about: the id of a run, or the name of the workflow to start."""
        named: str = self.payload["run_id"] if "run_id" in self.payload else self.payload["workflow"]
        return named

    @classmethod
    def start_run(
        cls,
        workflow: WorkflowRef,
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        trigger: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
        **options: Any,
    ) -> Signal:
        """Start a run, by the workflow's first trigger or the one named.

        `options` are `queue`, `priority`, `tags` (a list), and `delay` in seconds, as `Squidie.start` has them.
        """
        given = {"workflow": _name(workflow), "trigger": trigger, "input": _values("payload", payload), **options}
        return _signal("start_run", given, metadata, occurred_at, idempotency_key)

    @classmethod
    def start_cron(
        cls,
        workflow: WorkflowRef,
        trigger: str,
        /,
        *,
        signal_id: str | None = None,
        intended_window: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
    ) -> Signal:
        """Start the run of a cron trigger, as `Payload.cron` does; its payload is what the trigger's `values=` makes.

        `signal_id` names the activation; `intended_window` is `{"start_at": ..., "end_at": ...}`, aware times or their
        ISO 8601 texts. They are what the activation is known by, in place of an idempotency key.
        """
        window = {name: _moment_text(at) for name, at in (intended_window or {}).items()} or None
        given = {
            "workflow": _name(workflow),
            "trigger": trigger,
            "signal_id": signal_id,
            "intended_window": window,
        }
        return _signal("start_cron", given, metadata, occurred_at, None)

    @classmethod
    def resume_run(
        cls,
        run_id: str,
        /,
        *,
        actor: Actor | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Signal:
        """Let a run that waits at a pause go on."""
        return _signal("resume_run", _said(run_id, actor, comment), metadata, occurred_at, idempotency_key)

    @classmethod
    def approve_run(
        cls,
        run_id: str,
        /,
        *,
        actor: Actor,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Signal:
        """Say yes at an approval."""
        return _signal("approve_run", _said(run_id, actor, comment), metadata, occurred_at, idempotency_key)

    @classmethod
    def reject_run(
        cls,
        run_id: str,
        /,
        *,
        actor: Actor,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Signal:
        """Say no at an approval."""
        return _signal("reject_run", _said(run_id, actor, comment), metadata, occurred_at, idempotency_key)

    @classmethod
    def cancel_run(
        cls,
        run_id: str,
        /,
        *,
        compensate: bool | None = None,
        children: bool = False,
        actor: Actor | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Signal:
        """End a run that is not over; `compensate` and `children` as in `Squidie.cancel`."""
        given = {**_said(run_id, actor, comment), "compensate": compensate, "children": children or None}
        return _signal("cancel_run", given, metadata, occurred_at, idempotency_key)

    @classmethod
    def replay_run(
        cls,
        run_id: str,
        /,
        *,
        allow_irreversible: bool = False,
        definition: Literal["original", "current"] = "original",
        queue: str | None = None,
        actor: Actor | None = None,
        comment: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        occurred_at: datetime | None = None,
        idempotency_key: str | None = None,
    ) -> Signal:
        """Start another run with the trigger and payload of this one, as `Squidie.replay` does."""
        given = {
            **_said(run_id, actor, comment),
            "allow_irreversible": allow_irreversible,
            "definition": definition,
            "queue": queue,
        }
        return _signal("replay_run", given, metadata, occurred_at, idempotency_key)


def _said(run_id: str, actor: Actor | None, comment: str | None) -> dict[str, Any]:
    return {"run_id": run_id, "actor": _actor(actor), "comment": comment}


def _signal(
    kind: str,
    payload: Mapping[str, Any],
    metadata: Mapping[str, Any] | None,
    occurred_at: datetime | None,
    idempotency_key: str | None,
) -> Signal:
    """What was not said is left out."""
    return Signal(
        type=kind,
        payload={name: value for name, value in payload.items() if value is not None},
        metadata=_values("metadata", metadata),
        occurred_at=datetime.now(UTC) if occurred_at is None else occurred_at,
        idempotency_key=idempotency_key,
    )


def _name(workflow: Any) -> Any:
    return compiled(workflow).name if isinstance(workflow, type) else workflow


def _actor(actor: object) -> Any:
    return encode(actor, "actor") if isinstance(actor, Mapping) else actor


def _values(name: str, value: object) -> Any:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refuse(name, "expected_map")
    return encode_mapping(value, name)  # pyright: ignore[reportUnknownArgumentType]  # its keys are checked there


def _moment_text(at: object) -> object:
    return at.isoformat() if isinstance(at, datetime) else at
