"""When the windows of an expression begin: what the library that reads them does where clocks change."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from squidie_core import PluginError, Window
from squidie_core.delivery.windows import cron_library, delay_of, windows_after

CASES = [
    # Berlin, 29 March 2026: 02:00 is 03:00. What the clock on the wall leaves out comes right after it.
    ("30 2 * * *", "Europe/Berlin", "2026-03-28T00:00", ["03-28 01:30", "03-29 01:00", "03-30 00:30"]),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:00", "03-30 01:00"]),
    # Berlin, 25 October 2026: 03:00 is 02:00. What comes twice on the wall comes once, in the first of both hours.
    ("30 2 * * *", "Europe/Berlin", "2026-10-24T00:00", ["10-24 00:30", "10-25 00:30", "10-26 01:30"]),
    ("50 2 * * *", "Europe/Berlin", "2026-10-25T01:45", ["10-26 01:50", "10-27 01:50"]),
    # A star for the minute or the hour counts the hours that pass.
    ("0 * * * *", "Europe/Berlin", "2026-03-28T23:30", ["03-29 00:00", "03-29 01:00", "03-29 02:00"]),
    ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30", ["10-25 00:00", "10-25 01:00", "10-25 02:00"]),
    ("*/30 2 * * *", "Europe/Berlin", "2026-03-28T12:00", ["03-30 00:00", "03-30 00:30"]),
    ("*/30 2 * * *", "Europe/Berlin", "2026-10-24T12:00", ["10-25 00:00", "10-25 00:30", "10-25 01:00", "10-25 01:30"]),
    ("*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00", ["04-04 14:30", "04-04 15:00", "04-04 15:30"]),
    # Calendars.
    ("0 0 31 * *", "UTC", "2026-01-31T00:00", ["03-31 00:00", "05-31 00:00", "07-31 00:00"]),
    ("0 0 29 2 *", "UTC", "2026-01-01T00:00", ["2028-02-29 00:00", "2032-02-29 00:00"]),
    ("0 0 1 * mon", "UTC", "2026-01-26T00:00", ["02-01 00:00", "02-02 00:00", "02-09 00:00"]),
    ("0 0 * * *", "America/New_York", "2026-11-01T00:00", ["11-01 04:00", "11-02 05:00"]),
]


@pytest.mark.parametrize(("expression", "timezone", "after", "starts"), CASES)
def test_windows_begin_when_the_expression_says(expression: str, timezone: str, after: str, starts: list[str]) -> None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    found = list(islice(windows_after(cron_library(), expression, timezone, moment), len(starts)))
    assert [
        f"{window.start:%Y-%m-%d %H:%M}"[-len(start) :] for window, start in zip(found, starts, strict=True)
    ] == starts
    assert all(window.start.tzinfo is UTC for window in found)


@pytest.mark.parametrize("expression", ["30 2 * * *", "0 * * * *", "*/20 2 * * *", "15 1,2,3 * * *"])
@pytest.mark.parametrize("day", [datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)])
def test_windows_are_the_same_wherever_one_begins_to_look(expression: str, day: datetime) -> None:
    """Schedulers begin at any time, and what they find must have the same names."""
    until = day + timedelta(days=3)

    def found_after(moment: datetime) -> list[Window]:
        windows = windows_after(cron_library(), expression, "Europe/Berlin", moment)
        return [window for window in islice(windows, 100) if window.start < until]

    everything = found_after(day)
    assert all(one.end == other.start and one.start < other.start for one, other in pairwise(everything))
    for minutes in range(0, 2 * 24 * 60, 17):
        moment = day + timedelta(minutes=minutes, seconds=1)
        assert found_after(moment) == [window for window in everything if window.start > moment]


def test_an_expression_without_times_is_refused() -> None:
    with pytest.raises(ValueError, match="day"):
        windows_after(cron_library(), "0 0 31 2 *", "UTC", datetime(2026, 1, 1, tzinfo=UTC))


def test_delays_are_the_same_for_everybody_and_stay_in_the_window() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    hours = [Window(start + timedelta(hours=n), start + timedelta(hours=n + 1)) for n in range(200)]
    short = [delay_of("w", "t", window, timedelta(minutes=10)) for window in hours]
    assert short == [delay_of("w", "t", window, timedelta(minutes=10)) for window in hours]
    assert short != [delay_of("w", "u", window, timedelta(minutes=10)) for window in hours]
    assert timedelta(0) <= min(short) < timedelta(minutes=1) < timedelta(minutes=9) < max(short) < timedelta(minutes=10)
    assert max(delay_of("w", "t", window, timedelta(days=10)) for window in hours) < timedelta(hours=1)
    assert delay_of("w", "t", hours[0], timedelta(0)) == timedelta(0)


def test_without_the_library_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cronsim", None)
    with pytest.raises(PluginError, match=r"squidie-core\[scheduler\]") as caught:
        cron_library()
    assert caught.value.code == "missing_library"
