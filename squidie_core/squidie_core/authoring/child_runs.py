"""Starting other runs from inside a step's body."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, TypeVar, Unpack, overload

from squidie_core.authoring.durations import Duration
from squidie_core.authoring.triggers import Trigger
from squidie_core.dataclass import dataclass
from squidie_core.errors import InvalidTransitionError

if TYPE_CHECKING:
    from squidie_core.authoring.workflow import Workflow

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRun:
    """A run that a step has started. `is_new`: by this very call, and not by an earlier attempt at the step."""

    id: str
    workflow: str
    trigger: str
    child_key: str
    is_new: bool


class ChildKeywords(TypedDict, total=False):
    """The options of `ctx.start_child` and its siblings.

    `queue`: where the child waits for workers, by default its workflow's own queue, or else the parent's. `priority`: 0
    (first) to 9, by default the parent's. `delay`: how long its first steps are kept back. `tags`: names to list it by.
    `metadata`: kept with the link, secret-looking values redacted.
    """

    queue: str | None
    priority: int | None
    delay: Duration | None
    tags: Iterable[str]
    metadata: Mapping[str, Any] | None


class ChildStarter(Protocol):
    """What starts children for one attempt; the runtime provides it."""

    def start(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        """Start a child for each payload, by its key."""
        ...

    async def start_async(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        trigger: str | None,
        given: ChildKeywords,
    ) -> dict[str, ChildRun]:
        """The same, without keeping the event loop."""
        ...


class StartsChildren:
    """What a step's context offers for starting runs.

    A child belongs to the run, the step and its key: whoever starts it again with the same key, a retry for example,
    gets the child that there is. That it is there and that the parent knows of it is one commit. What becomes of the
    child does not touch the parent, unless the step was declared with `await_children=True`.

    All raise PayloadError, OptionError, NotFoundError for a workflow that is not registered with this worker,
    ConflictError where the key is that of a child with another workflow, trigger or payload, InvalidTransitionError
    where the parent is over (`invalid_parent_run`) or somebody else has the attempt (`invalid_parent_context`), and
    StorageError.
    """

    __slots__ = ("_children",)

    _children: ChildStarter | None

    @overload
    def start_child(
        self, trigger: Trigger[T], payload: T, /, *, child_key: str, **options: Unpack[ChildKeywords]
    ) -> ChildRun: ...
    @overload
    def start_child(
        self, trigger: Trigger[Any], /, *, child_key: str, **options: Unpack[ChildKeywords]
    ) -> ChildRun: ...
    @overload
    def start_child(
        self,
        workflow: type[Workflow],
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        child_key: str,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> ChildRun: ...
    def start_child(
        self,
        what: Trigger[Any] | type[Workflow],
        payload: Any = None,
        /,
        *,
        child_key: str,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> ChildRun:
        """Start a run as a child of this one. `what` and `payload` are those of `Squidie.start`.

        In a coroutine body await `start_child_async`.
        """
        return self._starter().start(what, {child_key: payload}, trigger, options)[child_key]

    @overload
    def start_children(
        self, trigger: Trigger[T], payloads: Mapping[str, T], /, **options: Unpack[ChildKeywords]
    ) -> dict[str, ChildRun]: ...
    @overload
    def start_children(
        self,
        workflow: type[Workflow],
        payloads: Mapping[str, Mapping[str, Any] | None],
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> dict[str, ChildRun]: ...
    def start_children(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> dict[str, ChildRun]:
        """Start a child for each payload, by its key, in as few commits as the store allows.

        All payloads are checked before anything is written. A crash between two commits is no harm: the next attempt
        finds the children that there are and starts the others.
        """
        return self._starter().start(what, payloads, trigger, options)

    @overload
    async def start_child_async(
        self, trigger: Trigger[T], payload: T, /, *, child_key: str, **options: Unpack[ChildKeywords]
    ) -> ChildRun: ...
    @overload
    async def start_child_async(
        self, trigger: Trigger[Any], /, *, child_key: str, **options: Unpack[ChildKeywords]
    ) -> ChildRun: ...
    @overload
    async def start_child_async(
        self,
        workflow: type[Workflow],
        payload: Mapping[str, Any] | None = None,
        /,
        *,
        child_key: str,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> ChildRun: ...
    async def start_child_async(
        self,
        what: Trigger[Any] | type[Workflow],
        payload: Any = None,
        /,
        *,
        child_key: str,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> ChildRun:
        """As `start_child`, for coroutine bodies: the event loop goes on meanwhile."""
        return (await self._starter().start_async(what, {child_key: payload}, trigger, options))[child_key]

    @overload
    async def start_children_async(
        self, trigger: Trigger[T], payloads: Mapping[str, T], /, **options: Unpack[ChildKeywords]
    ) -> dict[str, ChildRun]: ...
    @overload
    async def start_children_async(
        self,
        workflow: type[Workflow],
        payloads: Mapping[str, Mapping[str, Any] | None],
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> dict[str, ChildRun]: ...
    async def start_children_async(
        self,
        what: Trigger[Any] | type[Workflow],
        payloads: Mapping[str, Any],
        /,
        *,
        trigger: str | None = None,
        **options: Unpack[ChildKeywords],
    ) -> dict[str, ChildRun]:
        """As `start_children`, for coroutine bodies: the event loop goes on meanwhile."""
        return await self._starter().start_async(what, payloads, trigger, options)

    def _starter(self) -> ChildStarter:
        if self._children is None:
            raise InvalidTransitionError(
                "this context belongs to no attempt of a run, so nothing can be started from it; "
                "in a test, pass StepContext(..., children=...) something that starts them",
                code="invalid_parent_context",
                details={"reason": "no_attempt"},
            )
        return self._children
