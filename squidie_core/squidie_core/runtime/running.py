"""Running a body: its arguments, its context, and its outcome as data. Nothing that a body does gets past here."""

from __future__ import annotations

import contextvars
import logging
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from squidie_core.authoring import Body, Defer, FailStep, RetryStep, StepContext
from squidie_core.authoring.groups import leaves
from squidie_core.decisions import timeout_error
from squidie_core.errors import EncodingError, SquidieError
from squidie_core.inspection.snapshot import optional_schedule
from squidie_core.inspection.times import moment
from squidie_core.journal.codec import to_json
from squidie_core.journal.entries import Json
from squidie_core.journal.redaction import redact, scrub
from squidie_core.journal.values import MAX_VALUE_BYTES, decode, encode
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Failed, Outcome, OverdueError, Unwanted

if TYPE_CHECKING:
    from squidie_core.authoring import ChildKeywords, ChildRun, Trigger, Workflow
    from squidie_core.runtime.children import ChildRuns
    from squidie_core.runtime.store import RunStore

_log = logging.getLogger("squidie.steps")
_MAX_MESSAGE = 2_000
_MAX_FRAMES = 20

current_attempt: contextvars.ContextVar[Attempt | None] = contextvars.ContextVar("squidie_attempt", default=None)
"""The attempt whose body is running; logging filters may read it."""


def run_attempt(store: RunStore, attempt: Attempt) -> Outcome:
    """Run the attempt's body in this thread, in a transaction where its step says so."""
    if attempt.is_transactional:
        from squidie_core.runtime.transactions import run_in_transaction  # noqa: PLC0415  # few steps need it

        return run_in_transaction(store, attempt)
    return run_body(attempt, store.catalog.resources)


def run_body(attempt: Attempt, resources: Mapping[type, object]) -> Outcome:
    """Run the body in this thread; a coroutine body gets an event loop of its own."""
    body = attempt.body
    if body is None:
        return _log_step(attempt)
    began = time.perf_counter() if attempt.timed else 0.0
    token = current_attempt.set(attempt)
    try:
        value = body.function(**arguments_of(attempt, body, resources))
        if body.is_async:
            from squidie_core.runtime.coroutines import run_to_end  # noqa: PLC0415  # only these bodies need asyncio

            value = run_to_end(value, attempt.overdue_at)
        return outcome_of(attempt, body, value)
    except KeyboardInterrupt:
        raise
    except OverdueError:
        return Failed(timeout_error(attempt.step))
    except BaseException as error:  # noqa: BLE001  # what a body raises is its failure, SystemExit included
        return failure_of(attempt, error, resources.values())
    finally:
        current_attempt.reset(token)
        if attempt.overdue_at is not None:
            attempt.over_at = time.monotonic()
        if attempt.timed:
            attempt.ran = time.perf_counter() - began


class _Children:
    """Starts children for an attempt; what it takes is made when a body asks for it, which few do."""

    __slots__ = ("_attempt", "_made")

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._made: ChildRuns | None = None

    def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        return self._runs().start(what, payloads, trigger, given)

    async def start_async(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        return await self._runs().start_async(what, payloads, trigger, given)

    def _runs(self) -> ChildRuns:
        if self._made is None:
            from squidie_core.runtime.children import ChildRuns  # noqa: PLC0415  # as above

            self._made = ChildRuns(self._attempt)
        return self._made


def arguments_of(attempt: Attempt, body: Body, resources: Mapping[type, object]) -> dict[str, Any]:
    """What the body is called with. Raises as `Body.call_arguments` does."""
    context = _context_of(attempt, resources) if body.uses_context else None
    return body.call_arguments(attempt.runnable.input, context)


def _context_of(attempt: Attempt, resources: Mapping[type, object]) -> StepContext:
    """What the body may ask about its attempt."""
    runnable, deadline = attempt.runnable, attempt.runnable.deadline
    return StepContext(
        attempt.run_id,
        workflow=attempt.workflow,
        step=runnable.step,
        attempt=runnable.attempt,
        runnable_key=runnable.key,
        idempotency_key=runnable.idempotency_key,
        claim_id=attempt.claim_id,
        deadline=None if deadline is None else moment(deadline.due_at),
        failure=None if attempt.failure is None else decode(attempt.failure),
        schedule=optional_schedule(attempt.schedule),
        resources=resources,
        cancel_event=attempt.lost if attempt.overdue_at is None else Unwanted(attempt),
        children=_Children(attempt),
        transaction=None if attempt.transaction is None else attempt.transaction.handle,
    )


def outcome_of(attempt: Attempt, body: Body, value: Any) -> Outcome:
    """What the returned value means. Raises ContractError, EncodingError, FailStep."""
    accepted = _kept(body, value) if attempt.undoes else body.accept_result(value)
    if not isinstance(accepted, Defer):
        if attempt.undoes:
            return Completed(accepted)
        result = renamed(accepted, body.output, attempt.step.output)
        if attempt.step.await_children:
            from squidie_core.runtime.child_rules import check_room_for_children  # noqa: PLC0415  # few steps need it

            check_room_for_children(result, attempt.step.output)
        return Completed(result)
    return Deferred(encode(accepted.reason, f"the deferral of step {attempt.step.name!r}"), accepted.delay)


def _kept(body: Body, value: Any) -> dict[str, Json] | Defer:
    """What a callback returned, where that can be kept: it has done its work, whatever it says of it."""
    try:
        accepted = body.accept_result(value)
    except SquidieError:
        return {}
    return accepted if isinstance(accepted, Defer) or len(to_json(accepted)) <= MAX_VALUE_BYTES else {}


def renamed(result: Mapping[str, Json], given: str | None, wanted: str | None) -> Mapping[str, Json]:
    """The result under another output name: today's code may have another than the definition that the run goes by."""
    if given == wanted:
        return result
    plain: Json = result if given is None else result[given]
    if wanted is not None:
        return {wanted: plain}
    if not isinstance(plain, dict):
        raise FailStep("the run's own definition needs a result that has names", code="invalid_step_result")
    return cast("dict[str, Json]", plain)


def _log_step(attempt: Attempt) -> Outcome:
    level = logging.getLevelNamesMapping()[(attempt.step.level or "info").upper()]
    _log.log(level, "%s", attempt.step.message or "", extra=attempt.about)
    return Completed({})


def failure_of(attempt: Attempt, error: BaseException, resources: Iterable[object]) -> Failed:
    """The failure that stands in the journal for what the body raised: of a group, what it holds."""
    held = leaves(error)
    if len(held) == 1:
        error = held[0]
    body = attempt.body
    retryable = body is not None and not isinstance(error, EncodingError) and body.is_retryable(error)
    described: dict[str, Json] = {
        "type": f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins."),
        "code": error.code if isinstance(error, SquidieError) else "step_exception",
        "message": _clean(_words(error, held), resources),
        "retryable": retryable,
    }
    if isinstance(error, SquidieError) and error.details:
        described["details"] = _details(error)
    if not isinstance(error, RetryStep | FailStep):
        described["traceback"] = _frames(error)
    delays = [leaf.delay for leaf in held if isinstance(leaf, RetryStep) and leaf.delay is not None]
    return Failed(described, max(delays, default=None))


def _details(error: SquidieError) -> Json:
    try:
        return redact(encode(error.details, "details"))
    except SquidieError as problem:
        return {"not_encodable": str(problem)}


def _words(error: BaseException, held: Sequence[BaseException]) -> str:
    try:
        if len(held) == 1:
            return str(error)
        return "; ".join((str(error), *(f"{type(leaf).__qualname__}: {leaf}" for leaf in held)))
    except Exception:  # noqa: BLE001  # the words of an exception are code of the application's
        return "its message cannot be read"


def _frames(error: BaseException) -> list[str]:
    """Where it happened, innermost last, without the values of variables."""
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    return [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]


def _clean(text: str, resources: Iterable[object]) -> str:
    """The text without credentials of URLs and without resources that are themselves secrets."""
    for resource in resources:
        if isinstance(resource, str) and resource:
            text = text.replace(resource, "[REDACTED]")
    return scrub(text)[:_MAX_MESSAGE]
