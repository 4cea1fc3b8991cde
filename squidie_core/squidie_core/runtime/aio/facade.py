"""AsyncSquidie: Squidie for hosts that live in an event loop."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, Unpack, overload

from squidie_core.authoring import Duration, Trigger, Workflow
from squidie_core.inspection import Metrics, Snapshot
from squidie_core.ports.notifier import Notifier
from squidie_core.ports.storage import Storage
from squidie_core.runtime.aio.calls import Twin, awaited
from squidie_core.runtime.aio.turns import take_turn
from squidie_core.runtime.care import Care
from squidie_core.runtime.commands import Commands
from squidie_core.runtime.executing import advanced, end_of_drain, turn_options
from squidie_core.runtime.facade import Squidie
from squidie_core.runtime.starting import StartKeywords
from squidie_core.runtime.views import Views

if TYPE_CHECKING:
    from squidie_core.authoring.dynamic import ActionMap
    from squidie_core.ports.instrumentation import Instrumentation

T = TypeVar("T")


class AsyncSquidie(Twin):
    """The durable workflow runtime inside an application that lives in an event loop.

    Takes what Squidie takes and has its methods, to be awaited; errors, options and results are the same. The store is
    called in a few threads of this object's own, so the loop never waits for it, nor for the host's other threads.
    Making one opens the store, which may take a moment.

    Where a task is cancelled while it awaits a method, the command may have taken effect, as where an answer is lost on
    its way: use an idempotency key, or look.

    Safe to use from any number of loops and threads. Use it as an async context manager, or await `close`. `sync` is
    the Squidie beneath.
    """

    def __init__(
        self,
        storage: str | Storage,
        /,
        *,
        workflows: Iterable[type[Workflow]] = (),
        queue: str = "default",
        resources: Mapping[type, object] | None = None,
        namespace: str | None = None,
        storage_options: Mapping[str, Any] | None = None,
        notifier: str | Notifier | None = None,
        instrumentation: Instrumentation | None = None,
        actions: ActionMap | None = None,
    ) -> None:
        super().__init__(
            Squidie(
                storage,
                workflows=workflows,
                queue=queue,
                resources=resources,
                namespace=namespace,
                storage_options=storage_options,
                notifier=notifier,
                instrumentation=instrumentation,
                actions=actions,
            )
        )

    @classmethod
    def from_env(
        cls,
        *,
        workflows: Iterable[type[Workflow]] = (),
        resources: Mapping[type, object] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        actions: ActionMap | None = None,
    ) -> Self:
        """As `Squidie.from_env`, and like it not to be awaited."""
        made = cls.__new__(cls)
        beneath = Squidie.from_env(
            workflows=workflows, resources=resources, storage_options=storage_options, actions=actions
        )
        Twin.__init__(made, beneath)
        return made

    @property
    def queue(self) -> str:
        """Where runs start and where this object looks for work, unless told otherwise."""
        return self.sync.queue

    # Each line is a method of Squidie: a new one there needs its line here, and nothing else.

    start_many = awaited(Commands.start_many)
    resume = awaited(Commands.resume)
    approve = awaited(Commands.approve)
    reject = awaited(Commands.reject)
    cancel = awaited(Commands.cancel)
    replay = awaited(Commands.replay)
    apply_signal = awaited(Commands.apply_signal)
    record_dynamic_work = awaited(Commands.record_dynamic_work)
    schedule_dynamic_work = awaited(Commands.schedule_dynamic_work)

    inspect_run = awaited(Views.inspect_run)
    inspect_run_graph = awaited(Views.inspect_run_graph)
    list_runs = awaited(Views.list_runs)
    preview_dynamic_work = awaited(Views.preview_dynamic_work)

    doctor = awaited(Care.doctor)
    purge = awaited(Care.purge)
    unquarantine = awaited(Care.unquarantine)
    rebuild_index = awaited(Care.rebuild_index)

    # What one line cannot say: overloads, what waits for no store, and what runs bodies.

    @overload
    async def start(self, trigger: Trigger[T], payload: T, /, **options: Unpack[StartKeywords]) -> Snapshot: ...
    @overload
    async def start(self, trigger: Trigger[Any], /, **options: Unpack[StartKeywords]) -> Snapshot: ...
    @overload
    async def start(
        self,
        workflow: type[Workflow],
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[StartKeywords],
    ) -> Snapshot: ...
    async def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payload: Any = None,
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[StartKeywords],
    ) -> Snapshot:
        """As `Squidie.start`."""
        start: Any = Commands.start  # its overloads are those above
        started: Snapshot = await self.threads.call(
            partial(start, self.sync, what, payload, trigger=trigger, **options)
        )
        return started

    def metrics(self) -> Metrics:
        """As `Squidie.metrics`, and like it not to be awaited: it asks the store nothing."""
        return self.sync.metrics()

    async def execute_next(
        self,
        *,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> Snapshot | None:
        """As `Squidie.execute_next`; a coroutine body runs in this loop, in a task of its own, another in a thread.

        Where the awaiting task is cancelled, so is a coroutine body, and its attempt is given back; a body in a thread
        goes on, and what follows from it is written.
        """
        options = turn_options(self.sync, owner_id, queue, lease_for, heartbeat_every)
        with self.threads.going():
            state = await take_turn(self.sync.store, options, self.threads)
            return None if state is None else await self.threads.call(partial(advanced, self.sync, state))

    async def drain(
        self,
        *,
        limit: int = 200,
        time_limit: Duration = 50,
        owner_id: str | None = None,
        queue: str | None = None,
        lease_for: Duration = 30,
        heartbeat_every: Duration | None = None,
    ) -> int:
        """As `Squidie.drain`, by this object's `execute_next`."""
        end = end_of_drain(limit, time_limit)
        for done in range(limit):
            if time.monotonic() >= end:
                return done
            found = await self.execute_next(
                owner_id=owner_id, queue=queue, lease_for=lease_for, heartbeat_every=heartbeat_every
            )
            if found is None:
                return done
        return limit

    async def close(self) -> None:
        """Wait until what has begun is over, and give back what this object opened itself.

        A body that runs in another loop is not waited for. Calls that come after raise Unavailable.
        """
        await self.threads.close(self.sync.close)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<Async{repr(self.sync)[1:]}"
