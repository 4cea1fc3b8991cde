"""AsyncScheduler: the scheduler for hosts that live in an event loop."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from squidie_core.authoring import Duration
from squidie_core.delivery.runner import Performed
from squidie_core.delivery.scheduler import Scheduler
from squidie_core.delivery.timetable import Misfire
from squidie_core.runtime import AsyncSquidie
from squidie_core.runtime.aio.hosting import thread_of
from squidie_core.runtime.signals import on_termination


class AsyncScheduler:
    """Starts one run for each window of every cron trigger of the AsyncSquidie's workflows.

    As Scheduler, whose options it takes, in a thread of its own: neither the store nor `values=` of a trigger holds up
    the loop. `tick` may be called from any task, `run` once, `stop` from any thread and from signal handlers.
    """

    def __init__(
        self,
        squidie: AsyncSquidie,
        /,
        *,
        misfire: Misfire = "latest",
        grace: Duration = 60,
        catch_up: Duration = timedelta(hours=1),
        max_catch_up: int = 100,
        jitter: Duration = 0,
    ) -> None:
        self._threads = squidie.threads
        self._sync = Scheduler(
            squidie.sync, misfire=misfire, grace=grace, catch_up=catch_up, max_catch_up=max_catch_up, jitter=jitter
        )

    @property
    def next_at(self) -> datetime | None:
        """As `Scheduler.next_at`."""
        return self._sync.next_at

    async def tick(self, now: datetime | None = None) -> list[Performed]:
        """As `Scheduler.tick`. Where the awaiting task is cancelled, a tick that has begun goes on to its end."""
        return await self._threads.call(partial(self._sync.tick, now))

    async def run(self, *, install_signal_handlers: bool = False) -> None:
        """Tick whenever a window is due, until stopped. The signals are the host's, unless handlers are asked for.

        Cancelling the task that awaits this is `stop`: the starts that are being made are finished, and CancelledError
        is raised then.
        """
        work = partial(self._sync.run, install_signal_handlers=False)
        with on_termination(self.stop, install=install_signal_handlers):
            await thread_of(work, "squidie-scheduler", stop=self.stop)

    def stop(self) -> None:
        """As `Scheduler.stop`."""
        self._sync.stop()
