"""What a worker may still take on, and its care with bodies that may end the process."""

from __future__ import annotations

from squidie_core.authoring import Body
from squidie_core.runtime.catalog import Catalog, wants_code
from squidie_core.state import RunnableState

SUSPECT_DELIVERIES = 2
"""An attempt that so many workers took and did not bring back may end the process that runs it."""


class Slots:
    """How many bodies may still be taken on, in threads and as coroutines, and which this process has.

    `busy`: other bodies are running in this process. A suspect is taken on only where there are none.
    """

    __slots__ = ("_catalog", "alone", "bodies", "busy", "coroutines", "lacks_code", "taken", "threads", "wants_quiet")

    def __init__(self, catalog: Catalog, threads: int, coroutines: int, *, busy: bool = False) -> None:
        self._catalog = catalog
        self.taken = False
        """Something was taken on."""
        self.bodies: dict[str, Body] = {}
        """Of what was taken on, by runnable key."""
        self.threads = threads
        self.coroutines = coroutines
        self.busy = busy
        self.lacks_code = False
        """A runnable was refused because this process has no code for its step."""
        self.wants_quiet = False
        """A suspect was refused because it would not have been alone."""
        self.alone = False
        """A suspect was taken on: nothing else may be, until it is over."""

    @property
    def free(self) -> int:
        """How many slots there are, of either kind."""
        return 0 if self.alone else self.threads + self.coroutines

    def admit(self, workflow: str, runnable: RunnableState) -> bool:
        """Take a slot for the runnable, if there is one and this process has the body."""
        is_async = False
        if wants_code(runnable):
            body = self._catalog.body_of(workflow, runnable)
            if body is None:
                self.lacks_code = True
                return False
            is_async = body.is_async
        else:
            body = None
        if self.alone or (self.coroutines if is_async else self.threads) <= 0:
            return False
        if runnable.deliveries >= SUSPECT_DELIVERIES:
            if self.busy or self.taken:
                self.wants_quiet = True
                return False
            self.alone = True
        self.taken = True
        if body is not None:
            self.bodies[runnable.key] = body
        if is_async:
            self.coroutines -= 1
        else:
            self.threads -= 1
        return True


class Caution:
    """Makes room for suspects: a worker that met one lets its bodies end, so that it can run the suspect alone.

    For a while only, and not again for six times as long: what a suspect may cost the other runs is bounded. Where the
    bodies did not end in that while, the next one is twice as long. Times are monotonic seconds.
    """

    QUIET = 5.0
    LONGEST_QUIET = 320.0
    NORMAL = 6

    def __init__(self) -> None:
        self._alone = False
        self._met = False
        self._quiet = self.QUIET
        self._quiet_until = 0.0
        self._quiet_again = 0.0

    def holds(self, now: float, *, busy: bool) -> bool:
        """Whether nothing may be taken on now."""
        if not busy:
            self._alone = False
        return busy and (self._alone or now < self._quiet_until)

    def limit(self, *, busy: bool) -> int | None:
        """How many runs to look for. One where more suspects may come: the others would only be kept from everybody."""
        return 1 if self._met and not busy else None

    def learn(self, slots: Slots, now: float) -> None:
        """Take in what the slots of a tick were used for."""
        if slots.alone or slots.wants_quiet:
            self._met = True
        elif slots.taken:
            self._met = False
        if slots.alone:
            self._alone = True
            self._quiet = self.QUIET
            self._quiet_until = 0.0
        elif slots.wants_quiet and now >= self._quiet_again:
            self._quiet_until = now + self._quiet
            self._quiet_again = self._quiet_until + self.NORMAL * self._quiet
            self._quiet = min(2 * self._quiet, self.LONGEST_QUIET)
