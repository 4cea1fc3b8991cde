"""Which windows of a cron trigger a scheduler has to start, and which it has missed."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from squidie_core.authoring.triggers import CronOptions, Window
from squidie_core.dataclass import dataclass
from squidie_core.delivery.windows import ReadTimes, cron_library, delay_of, windows_after
from squidie_core.errors import OptionError
from squidie_core.journal.redaction import scrub
from squidie_core.runtime import Squidie, options
from squidie_core.runtime.activations import Cron

_log = logging.getLogger("squidie.scheduler")

Misfire: TypeAlias = Literal["latest", "all", "skip"]

_MOMENT = timedelta.resolution
_WAVERING = timedelta(seconds=1)
"""What a clock is put back by without having been wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a scheduler was told; Scheduler says what it means."""

    misfire: Misfire
    grace: timedelta
    reach: timedelta
    """How far back a window may lie that is started at all."""
    most: int
    jitter: timedelta


class Timetable:
    """The windows of one trigger: those whose time has come, and the next one."""

    def __init__(self, workflow: str, trigger: str, cron: CronOptions, policy: Policy, read: ReadTimes) -> None:
        self.workflow = workflow
        self.trigger = trigger
        self._cron = cron
        self._policy = policy
        self._read = read
        self._pending: deque[Window] = deque(maxlen=policy.most)
        self._windows: Iterator[Window] | None = None
        self._next: Window | None = None
        self._looked_at: datetime | None = None
        self._failed: set[Window] = set()
        """Of those that are pending: the start failed."""
        self._read_from(datetime.now(UTC))  # raises for an expression that cannot be read
        self._windows = None

    @property
    def place(self) -> str:
        """What messages call it."""
        return f"trigger {self.trigger!r} of {self.workflow!r}"

    @property
    def next_at(self) -> datetime | None:
        """When there is something to do."""
        window = self._pending[0] if self._pending else self._next
        return None if window is None else self._due_at(window)

    @property
    def comes_at(self) -> datetime | None:
        """When the next window is due that was not due yet."""
        return None if self._next is None else self._due_at(self._next)

    def due(self, now: datetime) -> list[Window]:
        """The windows to start, the first first; those that are missed and not to be started are forgotten."""
        self._look(now)
        missed = [window for window in self._pending if self._due_at(window) < now - self._policy.grace]
        kept = {"all": missed, "latest": missed[-1:], "skip": []}[self._policy.misfire]
        passed_over = [window for window in missed if window not in kept]
        for window in passed_over:
            self._pending.remove(window)
        if passed_over:
            _log.info("%s: %d windows were missed and are passed over", self.place, len(passed_over))
        self._give_up()
        return list(self._pending)

    def settle(self, window: Window) -> None:
        """The window's run is there."""
        self._pending.remove(window)
        self._failed.discard(window)

    def fail(self, window: Window, error: Exception) -> None:
        """The window's start failed, and is tried again."""
        level = logging.DEBUG if window in self._failed else logging.ERROR
        _log.log(level, "%s at %s was not started: %s", self.place, window.start.isoformat(), scrub(str(error)))
        self._failed.add(window)

    def _give_up(self) -> None:
        """Say which windows have failed and are not pending any more."""
        for window in self._failed.difference(self._pending):
            self._failed.discard(window)
            _log.error("%s at %s is not tried again", self.place, window.start.isoformat())

    def cron(self, window: Window) -> Cron:
        """What starts the window's run."""
        return Cron(workflow=self.workflow, trigger=self.trigger, window=window)

    def _look(self, now: datetime) -> None:
        """Take in what has become due."""
        if self._looked_at is not None and now < self._looked_at - _WAVERING:
            self._windows = self._looked_at = None  # the clock was ahead: what was passed over has not been yet
            self._pending.clear()
        self._looked_at = now if self._looked_at is None else max(now, self._looked_at)
        earliest = now - self._policy.reach
        first = earliest - self._policy.jitter
        if self._windows is None or (self._next is not None and self._next.start < first):
            self._read_from(first - _MOMENT)
        while self._next is not None and self._due_at(self._next) <= now:
            self._pending.append(self._next)
            self._advance()
        while self._pending and self._due_at(self._pending[0]) < earliest:
            self._pending.popleft()

    def _read_from(self, after: datetime) -> None:
        self._windows = windows_after(self._read, self._cron.expression, self._cron.timezone, after)
        self._advance()

    def _advance(self) -> None:
        self._next = None if self._windows is None else next(self._windows, None)

    def _due_at(self, window: Window) -> datetime:
        return window.start + delay_of(self.workflow, self.trigger, window, self._policy.jitter)


def timetables_of(squidie: Squidie, policy: Policy) -> Sequence[Timetable]:
    """One for each cron trigger of its workflows. Raises OptionError where there is none, and PluginError."""
    read = cron_library()
    found: list[Timetable] = []
    for workflow in squidie.store.catalog.workflows.values():
        for name, trigger in workflow.triggers.items():
            if trigger.cron is None:
                continue
            try:
                found.append(Timetable(workflow.name, name, trigger.cron, policy, read))
            except ValueError as problem:
                raise OptionError(
                    f"trigger {name!r} of {workflow.name!r} has an expression that never comes or cannot be read: "
                    f"{trigger.cron.expression!r}: {problem}",
                    code="invalid_cron_expression",
                    details={"workflow": workflow.name, "trigger": name},
                ) from None
    if not found:
        raise options.refuse("workflows", "have no cron trigger", "declare one: trigger.cron(...)")
    return found
