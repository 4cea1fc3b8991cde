"""Milliseconds of the journal as aware UTC times, and these as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(at: int) -> datetime:
    """The time so many milliseconds after the epoch."""
    return _EPOCH + timedelta(milliseconds=at)


def milliseconds_at(at: datetime) -> int:
    """The milliseconds from the epoch to the time, which is aware; what is less than one is left out."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def optional_moment(at: int | None) -> datetime | None:
    """The time, where there is one."""
    return None if at is None else moment(at)


def text(at: datetime | None) -> str | None:
    """The time as ISO 8601 with milliseconds, in UTC."""
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
