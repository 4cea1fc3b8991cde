"""The commands within a transaction of the host's."""

from __future__ import annotations

from squidie_core.definition.plan import Plan
from squidie_core.errors import ConflictError
from squidie_core.journal.commit import Append, Busy, Commit, CommitResult, Refused
from squidie_core.ports.notifier import TransactionalNotifier
from squidie_core.ports.storage import Storage
from squidie_core.ports.transactions import HostTransaction, host_transactions
from squidie_core.runtime.berths import Hosts
from squidie_core.runtime.client import Client
from squidie_core.runtime.commands import Commands
from squidie_core.runtime.store import RunStore
from squidie_core.runtime.wakeups import Wakeups
from squidie_core.state import RunState


class TransactionStore(RunStore):
    """The runs as one transaction sees them. Nothing is tried again, and nothing that it saw stays when it is over."""

    max_tries = 1

    def __init__(self, outer: RunStore, storage: Storage) -> None:
        super().__init__(storage, outer.catalog.apart())
        self._outer = outer
        self.clock = outer.clock

    def ensure_stored(self, plan: Plan) -> None:
        """Each time, until it is there for good: a savepoint may take it back, and the whole transaction may."""
        self._outer.catalog.ensure_stored_within(plan, self.storage, self._outer.storage)

    def committed(self, state: RunState, append: Append) -> None:
        """Nothing is kept of a state that may never have been: no checkpoint."""
        state.head = append.head

    def outrun(self, run_id: str) -> ConflictError:
        """Others were faster once."""
        return ConflictError(
            f"run {run_id} was written by others while the transaction looked at it; roll back and do all of it again",
            details={"run_id": run_id},
        )

    def waited_for(self, commit: Commit, result: CommitResult) -> CommitResult:
        """Nobody waits in a transaction."""
        if isinstance(result, Refused):
            raise result.error
        if isinstance(result, Busy):
            run_id = commit.appends[0].thread_id
            raise ConflictError(
                f"run {run_id} is being written by another transaction; roll back and do all of it again",
                code="busy",
                details={"run_id": run_id},
            )
        return result


class HeldWakeups(Wakeups):
    """Hints that go out when the transaction has committed, as far as somebody can tell when that is."""

    def __init__(self, outer: Wakeups, transaction: HostTransaction, handle: object) -> None:
        super().__init__(outer.notifier)
        self._outer = outer
        self._transaction = transaction
        self._handle = handle
        self._told: set[str] = set()

    def wake(self, queue: str, count: int = 1) -> None:
        """Once a queue: the hint says that there is something."""
        if queue in self._told:
            return
        self._told.add(queue)
        if self._transaction.after_commit(lambda: self._outer.wake(queue, count)):
            return
        notifier: object = self._outer.notifier
        if isinstance(notifier, TransactionalNotifier):
            notifier.notify_within(self._handle, {queue: count})


class TransactionCommands(Commands):
    """What an application tells its runs in one of its own transactions; `Squidie.within` makes it.

    For that transaction alone, and one thread at a time.
    """

    def __init__(self, client: Client, handle: object) -> None:
        transaction = host_transactions(client.store.storage).within(handle)
        self.store = TransactionStore(client.store, transaction.storage)
        self.queue = client.queue
        self.hosts = Hosts()
        self.wakeups = HeldWakeups(client.wakeups, transaction, handle)
        self.store.wake = self.wakeups.wake

    def __repr__(self) -> str:
        return f"<TransactionCommands on {self.store.storage.capabilities.name}>"
