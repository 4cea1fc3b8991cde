"""Steps with `transaction=True`: the body's own rows and what follows from it are committed together, or not at all.

The body comes first, the append last: the run's head is locked only while its commit is on its way. The append is
fenced by the head and by the claim, so a body that comes too late is rolled back whole.
"""

from __future__ import annotations

import logging
import time

from squidie_core.decisions import Draft, heartbeat
from squidie_core.errors import NotSupported, TooLarge, TransactionAborted, Unavailable
from squidie_core.journal.commit import Append, Commit, CommitResult, Committed, Refused
from squidie_core.ports.storage import Storage
from squidie_core.ports.transactions import LentTransaction, host_transactions
from squidie_core.runtime.attempts import Attempt, Completed, Deferred, Outcome, Released, Settled
from squidie_core.runtime.ids import fraction
from squidie_core.runtime.outcomes import apply_outcomes, refused
from squidie_core.runtime.running import failure_of, run_body
from squidie_core.runtime.store import MAX_TRIES, RunStore, pause
from squidie_core.runtime.within import TransactionStore
from squidie_core.state import RunState

_log = logging.getLogger("squidie.transactions")
_REST = 1.0
"""Seconds after which the attempt is given back where no transaction could be had."""


def run_in_transaction(store: RunStore, attempt: Attempt) -> Outcome:
    """Run the attempt's body in this thread and in a transaction, which commits with what follows."""
    try:
        with host_transactions(store.storage).lend() as transaction:
            attempt.transaction = transaction
            attempt.store = inside = LentStore(store, transaction.storage)
            inside.began_at = store.clock.now()
            if attempt.lost.is_set():
                return Released()  # it has waited for its turn, and nobody waits for it any more
            outcome = run_body(attempt, store.catalog.resources)
            if attempt.outage is not None:
                outcome = _to_be_run_again(attempt, attempt.outage)
            elif isinstance(outcome, Completed | Deferred):
                outcome = _settle(inside, attempt, transaction, outcome)
    except NotSupported as error:
        return failure_of(attempt, error, store.catalog.resources.values())
    except Unavailable as error:
        _log.warning("run %s: no transaction for %s: %s", attempt.run_id, attempt.key, error, extra=attempt.about)
        time.sleep(_REST * fraction())
        return Released()
    except Exception as error:  # noqa: BLE001  # what the body did to its connection comes out where that is given back
        return failure_of(attempt, error, store.catalog.resources.values())
    else:
        if isinstance(outcome, Settled):
            inside.tell_workers()
        return outcome
    finally:
        attempt.transaction, attempt.store = None, store


class LentStore(TransactionStore):
    """The runs as a body's transaction sees them. Others write to its run meanwhile, so here it is tried again."""

    max_tries = MAX_TRIES

    def __init__(self, outer: RunStore, storage: Storage) -> None:
        super().__init__(outer, storage)
        self.began_at = 0
        """When the transaction was opened, by the store's clock in milliseconds."""
        self._hints: list[tuple[str, int]] = []
        self.wake = lambda queue, count: self._hints.append((queue, count))

    def tell_workers(self) -> None:
        """The transaction has committed."""
        for queue, count in self._hints:
            self._outer.wake(queue, count)

    def waited_for(self, commit: Commit, result: CommitResult) -> CommitResult:
        """As outside of transactions."""
        return RunStore.waited_for(self, commit, result)


def _settle(store: LentStore, attempt: Attempt, transaction: LentTransaction, outcome: Completed | Deferred) -> Outcome:
    """Write what follows in the transaction, as its last statement, and commit."""
    attempt.finished_at = store.clock.now()
    try:
        transaction.finish()
        attempt.settling = True
        written = _write(store, attempt, outcome)
        if not isinstance(written, _Written):
            attempt.settling = False
            return written
        transaction.commit()
    except Unavailable as error:
        attempt.settling = False
        # Whatever the engine writes next to the run is decided on what stands in the store by then: where the commit
        # has taken effect the claim is over, and where not, that entry takes the place that the commit would need.
        _log.warning(
            "run %s: nobody knows yet whether %s was committed: %s",
            attempt.run_id,
            attempt.key,
            error,
            extra=attempt.about,
        )
        return Released(counts=True)
    except TransactionAborted as error:
        attempt.settling = False
        return _to_be_run_again(attempt, error)
    except Exception as error:  # noqa: BLE001  # rows that the body left to be written, and that the store refuses
        attempt.settling = False
        return failure_of(attempt, error, store.catalog.resources.values())
    return Settled(outcome, written.state, written.append.index)


def _to_be_run_again(attempt: Attempt, error: Exception) -> Released:
    _log.warning("run %s: %s is to be run again: %s", attempt.run_id, attempt.key, error, extra=attempt.about)
    time.sleep(_REST * fraction())
    return Released(counts=True)


class _Written:
    """An append that is in the store once the transaction commits."""

    __slots__ = ("append", "state")

    def __init__(self, append: Append, state: RunState) -> None:
        self.append = append
        self.state = state


def _keep_claim(draft: Draft, attempt: Attempt, began_at: int) -> None:
    """A claim that lapsed while its body ran, and that nobody has taken over since, is renewed as of when it held.

    On SQLite nobody could renew it: the transaction has the only lock.
    """
    runnable = draft.state.open.get(attempt.key)
    if runnable is None or runnable.claim_id != attempt.claim_id or runnable.lease_until > draft.at:
        return
    now, draft.at = draft.at, max(draft.state.last_at, began_at)
    heartbeat(draft, {attempt.key: attempt.claim_id}, now - draft.at + 1)
    draft.at = now


def _write(store: LentStore, attempt: Attempt, outcome: Completed | Deferred) -> _Written | Outcome:
    """Others may write to the run meanwhile: then decide again, in the same transaction, while the claim holds."""
    for tries in range(MAX_TRIES):
        draft = store.draft(store.state(attempt.run_id))
        _keep_claim(draft, attempt, store.began_at)
        reported: list[tuple[Attempt, Outcome]] = [(attempt, outcome)]
        if apply_outcomes(draft, reported):
            _log.warning(
                "run %s: the claim on %s was lost; its transaction is rolled back",
                attempt.run_id,
                attempt.key,
                extra=attempt.about,
            )
            return Released()
        if reported[0][1] is not outcome:
            return reported[0][1]  # it took too long
        try:
            append = store.to_append(draft)
        except TooLarge as error:
            return refused([(attempt, outcome)], error)[0][1]
        (result,) = store.storage.commit([Commit((append,), draft.state.nudges)])
        if isinstance(result, Committed):
            store.committed(draft.state, append)
            return _Written(append, draft.state)
        if isinstance(result, Refused):
            return refused([(attempt, outcome)], result.error)[0][1]
        time.sleep(pause(tries))
    raise TransactionAborted(
        f"run {attempt.run_id} was written by others {MAX_TRIES} times in a row", details={"run_id": attempt.run_id}
    )
