"""The commands that a run has received, in their order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from squidie_core.dataclass import dataclass
from squidie_core.inspection.times import moment, optional_moment, text
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import digest
from squidie_core.state import Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandView:
    """One command. Secret-looking values of `actor` and `metadata` are redacted.

    `received_at` is the store's time, `occurred_at` when it was asked for, where a signal said so. `duplicate`: an
    earlier command of the run is the same, by its idempotency key, or without one by what it asks for.
    """

    signal: str
    received_at: datetime
    occurred_at: datetime | None
    idempotency_key: str | None
    actor: Json
    comment: str | None
    payload: Mapping[str, Json]
    metadata: Mapping[str, Json]
    duplicate: bool

    def to_dict(self) -> dict[str, Json]:
        """The same as plain JSON."""
        return {
            "signal": self.signal,
            "received_at": text(self.received_at),
            "occurred_at": text(self.occurred_at),
            "idempotency_key": self.idempotency_key,
            "actor": self.actor,
            "comment": self.comment,
            "payload": self.payload,
            "metadata": self.metadata,
            "duplicate": self.duplicate,
        }


def command_views(receipts: Sequence[Receipt]) -> tuple[CommandView, ...]:
    """The commands of these receipts."""
    if len(receipts) == 1:  # as of most runs
        return (_view(receipts[0], duplicate=False),)
    views: list[CommandView] = []
    known: set[tuple[str, str | None, str]] = set()
    for receipt in receipts:
        key = receipt.idempotency_key
        identity = (receipt.signal, key, digest(receipt.payload) if key is None else "")
        views.append(_view(receipt, duplicate=identity in known))
        known.add(identity)
    return tuple(views)


def _view(receipt: Receipt, *, duplicate: bool) -> CommandView:
    return CommandView(
        signal=receipt.signal,
        received_at=moment(receipt.at),
        occurred_at=optional_moment(receipt.occurred_at),
        idempotency_key=receipt.idempotency_key,
        actor=receipt.actor,
        comment=receipt.comment,
        payload=receipt.payload,
        metadata=receipt.metadata,
        duplicate=duplicate,
    )
