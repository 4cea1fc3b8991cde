"""Starting other runs from inside a body: the link in the parent and the child's first append are one commit."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, TypeVar

from squidie_core import decisions
from squidie_core.authoring import Accepted, ChildKeywords, ChildRun, CompiledWorkflow, Trigger, Workflow
from squidie_core.dataclass import record
from squidie_core.decisions import StartRequest
from squidie_core.decisions.children import ChildRequest, link_children
from squidie_core.errors import ConflictError, SquidieError, StorageError, TransactionAborted, Unavailable
from squidie_core.journal.codec import to_json
from squidie_core.journal.commit import Append, Conflict
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import derived_id, digest
from squidie_core.runtime import options
from squidie_core.runtime.child_rules import check_storage_for_children
from squidie_core.runtime.starting import resolve
from squidie_core.runtime.store import MAX_TRIES, pause
from squidie_core.state import RunState

if TYPE_CHECKING:
    from squidie_core.runtime.attempts import Attempt

T = TypeVar("T")

_COMMIT_BYTES = 1024 * 1024
"""About how much the first appends of the children in one commit may take together."""
_OUTAGE = 30
"""Seconds for which a store that does not answer is asked again."""
_APPEND_BYTES = 1_000
"""About how much a child's first append takes beside its payload, which stands in it twice."""


@record(frozen=True, slots=True)
class _Wanted:
    """A child that was asked for, checked."""

    workflow: CompiledWorkflow
    accepted: Accepted
    request: ChildRequest
    size: int


@record(frozen=True, slots=True, kw_only=True)
class _Options:
    """The options of a start, checked. `None`: as the parent has it, or the child's workflow."""

    queue: str | None = None
    priority: int | None = None
    delay: int = 0
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Json]


class ChildRuns:
    """Starts children for one attempt. Safe to use from any thread.

    It writes to the parent from the body's thread, on a state of its own; the worker that has the parent in hand reads
    what is new before it decides again.
    """

    __slots__ = ("_attempt", "_lock", "_parent")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._lock = threading.Lock()
        self._parent: RunState | None = None

    def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        """Start a child for each payload. Raises what `StartsChildren` says."""
        if self._attempt.is_async and _in_event_loop():
            raise SquidieError(
                "start_child and start_children would keep the event loop of all coroutine bodies waiting; "
                "await ctx.start_child_async(...) or ctx.start_children_async(...)",
                code="blocking_call",
                details={"step": self._attempt.step.name},
            )
        return self._start(what, payloads, trigger, given)

    async def start_async(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        """The same in a thread of its own. A cancelled caller leaves children that are there and linked."""
        import asyncio  # noqa: PLC0415  # it is there already, and costs the others much
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  # as above

        thread = ThreadPoolExecutor(1, thread_name_prefix="squidie-children")  # the loop's are the host's
        try:
            start = partial(self._start, what, payloads, trigger, given)
            return await asyncio.wrap_future(thread.submit(copy_context().run, start))
        finally:
            thread.shutdown(wait=False)

    def _start(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        store = self._attempt.store
        check_storage_for_children(store.storage)
        chosen = _checked(given)
        workflow, name = resolve(store.catalog, what, trigger)
        wanted = [
            self._want(workflow, name, options.name("child_key", key), payload, chosen)
            for key, payload in payloads.items()
        ]
        if wanted:
            self._through_outages(lambda: store.ensure_stored(workflow.plan))
        found: dict[str, ChildRun] = {}
        with self._lock:
            for chunk in _chunks(wanted, store.storage.capabilities.max_appends - 1):
                fresh = self._through_outages(partial(self._start_together, chunk, chosen))
                found |= {each.request.child_key: _child_run(each.request, fresh) for each in chunk}
        return found

    def _through_outages(self, call: Callable[[], T]) -> T:
        """Call again while the store does not answer: an outage is no failure of the body. Each call is idempotent."""
        until = time.monotonic() + _OUTAGE
        for tries in count():
            try:
                return call()
            except (Unavailable, TransactionAborted) as error:
                if self._attempt.transaction is not None:
                    self._attempt.outage = error
                    raise
                if self._attempt.lost.is_set() or time.monotonic() >= until:
                    raise
                time.sleep(pause(tries))
        raise AssertionError("unreachable")

    def _want(
        self, workflow: CompiledWorkflow, trigger: str, child_key: str, payload: Any, chosen: _Options
    ) -> _Wanted:
        accepted = workflow.contracts[trigger].accept(payload)
        attempt = self._attempt
        request = ChildRequest(
            run_id=derived_id(workflow.name, trigger, attempt.run_id, attempt.runnable.step, child_key),
            workflow=workflow.name,
            trigger=trigger,
            child_key=child_key,
            payload_digest=digest(accepted.given),
            metadata=chosen.metadata,
        )
        return _Wanted(workflow, accepted, request, 2 * len(to_json(accepted.payload)) + _APPEND_BYTES)

    def _start_together(self, chunk: Sequence[_Wanted], chosen: _Options) -> set[str]:
        """Start those that are not there, in one commit; gives their ids."""
        store, attempt = self._attempt.store, self._attempt
        refused: frozenset[str] = frozenset()
        requests = [each.request for each in chunk]
        for tries in range(MAX_TRIES):
            draft = store.draft(self._load_parent())
            fresh = {r.run_id for r in link_children(draft, attempt.key, attempt.claim_id, requests)}
            if not fresh:
                self._parent = draft.state
                return fresh
            self._check_ids(fresh & refused)
            children = [self._child(draft, each, chosen) for each in chunk if each.request.run_id in fresh]
            append = store.to_append(draft)
            appends = [store.to_append(child) for child in children]
            result = store.commit(append, *appends)
            if not isinstance(result, Conflict):
                self._have_started(draft, append, children, appends)
                return fresh
            refused = frozenset(result.thread_ids)
            if draft.revoke():
                self._parent = draft.state
            time.sleep(pause(tries))
        raise ConflictError(
            f"run {attempt.run_id} was written by others {MAX_TRIES} times in a row; try again",
            details={"run_id": attempt.run_id},
        )

    def _load_parent(self) -> RunState:
        """The parent as it is now; only what is new since this attempt's last start is read. Ours until it is kept."""
        store, run_id = self._attempt.store, self._attempt.run_id
        known, self._parent = self._parent, None
        found = store.states([run_id], {} if known is None else {run_id: known}).get(run_id)
        if isinstance(found, StorageError):
            raise found
        return store.state(run_id) if found is None else found

    def _check_ids(self, run_ids: set[str]) -> None:
        """Refuse ids that are there although the parent, read after that, has no link to them."""
        storage = self._attempt.store.storage
        taken = {*storage.heads(sorted(run_ids)), *storage.tombstones(sorted(run_ids))} if run_ids else ()
        for run_id in taken:
            raise ConflictError(
                f"run {run_id}, which is to be a child, was started otherwise or was purged; use another key",
                details={"run_id": run_id},
            )

    def _child(self, parent: decisions.Draft, wanted: _Wanted, chosen: _Options) -> decisions.Draft:
        request, runnable, state = wanted.request, self._attempt.runnable, parent.state
        own_queue = wanted.workflow.definition.queue or state.queue
        start = StartRequest(
            run_id=request.run_id,
            trigger=request.trigger,
            payload=wanted.accepted.payload,
            payload_digest=request.payload_digest,
            queue=own_queue if chosen.queue is None else chosen.queue,
            priority=state.priority if chosen.priority is None else chosen.priority,
            delay=chosen.delay,
            tags=chosen.tags,
            context={
                "parent": {
                    "run_id": state.run_id,
                    "runnable_key": runnable.key,
                    "step": runnable.step,
                    "attempt": runnable.attempt,
                    "child_key": request.child_key,
                    "metadata": request.metadata,
                    "queue": state.queue,
                    "awaited": self._attempt.step.await_children and runnable.kind == "run",
                }
            },
        )
        return decisions.start(wanted.workflow.plan, start, parent.at)

    def _have_started(
        self, draft: decisions.Draft, append: Append, children: Sequence[decisions.Draft], appends: Sequence[Append]
    ) -> None:
        store = self._attempt.store
        store.committed(draft.state, append)
        self._parent = draft.state
        self._attempt.has_written = True
        for child, written in zip(children, appends, strict=True):
            store.committed(child.state, written)
            store.telemetry.started(child.state)
        store.wake(children[0].state.queue, len(children))


def _checked(given: ChildKeywords) -> _Options:
    """Raises OptionError, and TypeError for a keyword that there is none of."""
    for keyword in given:
        if keyword not in ChildKeywords.__annotations__:
            known = ", ".join(("child_key", "trigger", *ChildKeywords.__annotations__))
            raise TypeError(f"a child's start has no option {keyword}=; there are {known}")
    queue, priority, delay = given.get("queue"), given.get("priority"), given.get("delay")
    return _Options(
        queue=None if queue is None else options.name("queue", queue),
        priority=None if priority is None else options.integer("priority", priority, least=0, most=9),
        delay=0 if delay is None else options.milliseconds("delay", delay),
        tags=options.tags(given.get("tags", ())),
        metadata=options.metadata(given.get("metadata")),
    )


def _chunks(wanted: Sequence[_Wanted], most: int) -> list[list[_Wanted]]:
    """So many that one commit takes them."""
    chunks: list[list[_Wanted]] = []
    size = 0
    for each in wanted:
        if not chunks or len(chunks[-1]) >= most or size + each.size > _COMMIT_BYTES:
            chunks.append([])
            size = 0
        chunks[-1].append(each)
        size += each.size
    return chunks


def _child_run(request: ChildRequest, fresh: set[str]) -> ChildRun:
    return ChildRun(
        id=request.run_id,
        workflow=request.workflow,
        trigger=request.trigger,
        child_key=request.child_key,
        is_new=request.run_id in fresh,
    )


def _in_event_loop() -> bool:
    import asyncio  # noqa: PLC0415  # asked only for coroutine bodies

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
