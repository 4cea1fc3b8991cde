"""What a body may ask for beside its input: the attempt it runs in, and the application's resources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeAlias, TypeVar, cast

from squidie_core.authoring.child_runs import ChildStarter, StartsChildren
from squidie_core.errors import SquidieError

if TYPE_CHECKING:
    from squidie_core.authoring.schedules import Schedule

T = TypeVar("T")


class ResourceMarker:
    """Marks a parameter that takes a resource; written as `Resource[Bank]`."""

    def __repr__(self) -> str:
        return "Resource"


RESOURCE = ResourceMarker()

Resource: TypeAlias = Annotated[T, RESOURCE]
"""`bank: Resource[Bank]` takes what the application registered for `Bank`, typed as a `Bank`."""


class TransactionMarker:
    """Marks a parameter that takes the step's transaction; written as `Transaction[sqlalchemy.Connection]`."""

    def __repr__(self) -> str:
        return "Transaction"


TRANSACTION = TransactionMarker()

Transaction: TypeAlias = Annotated[T, TRANSACTION]
"""`tx: Transaction[sqlalchemy.Connection]` takes the transaction of a step that says `transaction=True`.

What the body writes through it and the step's completion commit together. The type is one of the store's handles.
"""


class MissingResourceError(SquidieError):
    """Nothing is registered for this resource type."""

    default_code = "missing_resource"


class NoTransactionError(SquidieError):
    """The attempt runs in no transaction."""

    default_code = "no_transaction"


class Flag(Protocol):
    """A flag that another thread raises, such as a `threading.Event`."""

    def is_set(self) -> bool:
        """Whether it is raised."""
        ...


class NeverCancelled:
    """The flag of an attempt that nobody can cancel: a test's, for example."""

    __slots__ = ()

    def is_set(self) -> bool:
        """Say no."""
        return False


_NEVER = NeverCancelled()
_NO_RESOURCES: Mapping[type, object] = {}


class StepContext(StartsChildren):
    """The attempt that a body runs in. A body gets it by a parameter annotated `StepContext` or named `ctx`.

    All but `run_id` has a default, so that a test can make one.
    """

    __slots__ = (
        "_cancel_event",
        "_transaction",
        "attempt",
        "claim_id",
        "deadline",
        "failure",
        "idempotency_key",
        "resources",
        "run_id",
        "runnable_key",
        "schedule",
        "step",
        "workflow",
    )

    def __init__(
        self,
        run_id: str,
        *,
        workflow: str = "",
        step: str = "",
        attempt: int = 1,
        runnable_key: str = "",
        idempotency_key: str = "",
        claim_id: str = "",
        failure: Mapping[str, Any] | None = None,
        deadline: datetime | None = None,
        schedule: Schedule | None = None,
        resources: Mapping[type, object] = _NO_RESOURCES,
        cancel_event: Flag = _NEVER,
        children: ChildStarter | None = None,
        transaction: Callable[[type], object] | None = None,
    ) -> None:
        self.run_id = run_id
        self.workflow = workflow
        self.step = step
        self.attempt = attempt
        """1 for the first attempt."""
        self.runnable_key = runnable_key
        self.idempotency_key = idempotency_key
        """The same for every attempt of this execution of the step: hand it to services that know such keys."""
        self.claim_id = claim_id
        self.failure = failure
        """In a compensation: the failure that is being compensated."""
        self.deadline = deadline
        """When the step is due, or None."""
        self.schedule = schedule
        """What the run's activation by a scheduler was, or None."""
        self.resources = resources
        self._cancel_event = cancel_event
        self._children = children
        self._transaction = transaction

    @property
    def cancelled(self) -> bool:
        """Whether the result of this attempt is no longer wanted: stop when convenient."""
        return self._cancel_event.is_set()

    def resource(self, kind: type[T]) -> T:
        """What the application registered for `kind`. Raises MissingResourceError."""
        try:
            return cast("T", self.resources[kind])
        except KeyError:
            name = kind.__name__
            raise MissingResourceError(
                f"nothing is registered for {name}; make the Squidie with resources={{{name}: ...}}",
                details={"resource": f"{kind.__module__}.{kind.__qualname__}"},
            ) from None

    def transaction(self, kind: type[T]) -> T:
        """The transaction of a step with `transaction=True`, as a handle of this type. Raises NoTransactionError."""
        if self._transaction is None:
            raise NoTransactionError(
                f"step {self.step!r} runs in no transaction; declare it with transaction=True",
                details={"step": self.step},
            )
        return cast("T", self._transaction(kind))

    def __repr__(self) -> str:
        return f"<StepContext {self.runnable_key or self.run_id} of step {self.step!r}>"
