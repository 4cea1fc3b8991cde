"""The contract: every promise that an adapter makes, numbered.

The ids stand in the ports' docstrings, in the names of the tests (`test_j3_...` holds clause J3), in reports and in the
documentation. A promise is one sentence. Most must be kept; those with a `need` may be declined, by not declaring it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from squidie_contract.capabilities import Capability


@dataclass(frozen=True, slots=True)
class Clause:
    """One promise. `need`: it holds for those alone who declare this; without one, everybody must keep it."""

    id: str
    promise: str
    need: Capability = Capability.NONE


@dataclass(frozen=True, slots=True)
class Chapter:
    """The clauses about one matter."""

    port: str
    title: str
    clauses: tuple[Clause, ...]


CONTRACT = (
    Chapter(
        "storage",
        "Clients",
        (
            Clause("C1", "A client satisfies the port; its declaration is constant and says what the harness says."),
            Clause("C2", "After `close` every call raises Unavailable; other clients and what was written stay."),
            Clause("C3", "Many threads may use one client at once."),
        ),
    ),
    Chapter(
        "storage",
        "Journal",
        (
            Clause("J1", "Whatever is asked, in whatever order, the answers are those of the model in memory."),
            Clause("J2", "The revisions of a thread begin at 1 and have no gap; each commit names the one before it."),
            Clause(
                "J3",
                "Of all appends that expect one head (revision and commit id) at most one is ever accepted, and only "
                "while that is the head; one that alone writes is never told of a conflict.",
            ),
            Clause("J4", "A commit over several threads takes effect on all of them or on none."),
            Clause("J5", "A group judges each commit on its own, and answers in the order of the commits."),
            Clause("J6", "A commit that was not accepted leaves no trace."),
            Clause("J7", "`Busy` means undecided: no effect, and the heads were the expected ones."),
            Clause("J8", "A commit whose answer was lost took effect wholly or not at all."),
            Clause("J9", "Submitting the same commit again finds out what became of it, and has no second effect."),
            Clause("J10", "Readers see a prefix of the thread in whole commits, and never less than was seen before."),
            Clause("J11", "`load` and `read` give exactly what was asked for: known heads, `after`, `limit`."),
            Clause("J12", "Names, texts and numbers come back as they were."),
            Clause("J13", "Commits of the largest size are taken; what can never be stored is Refused, alone."),
            Clause("J14", "Namespaces never see each other."),
            Clause("J15", "What was acknowledged survives the death of every process.", Capability.CRASH_SAFE),
        ),
    ),
    Chapter(
        "storage",
        "Index",
        (
            Clause("I1", "A commit's entries, its index row and its head appear together."),
            Clause("I2", "`heads` tells of every thread that exists what a load would tell, without its entries."),
            Clause("I3", "Listings hold what the filters ask for, newest start first, ties by thread id descending."),
            Clause("I4", "Each page goes on where the last one ended, and only a page's own cursor is taken."),
        ),
    ),
    Chapter(
        "storage",
        "Due work",
        (
            Clause("D1", "`due` gives the runs whose time has come and that need one of the offers, and loses none."),
            Clause("D2", "Lower priorities come first, then the earliest, and a limit takes the best."),
            Clause("D3", "A run that waits is overtaken for a bounded time only, whatever its priority."),
            Clause("D4", "However many runs cannot be advanced, they never keep the next one out."),
            Clause("D5", "Reservations and parking keep a run out until they lapse, by themselves or with a commit."),
            Clause("D6", "Parking is counted and says why, until somebody advances the run."),
            Clause("D7", "A reservation keeps the run from every client's `due`.", Capability.SHARED_RESERVATIONS),
            Clause("D8", "A nudge makes a run due, is counted where readers see it, and is no part of the journal."),
            Clause("D9", "A commit answers the nudges that it saw, and none that came later."),
            Clause("D10", "What `due` brings along is what a load would give."),
            Clause("D11", "A quarantined run stays out of `due`, listed and readable, until the quarantine is lifted."),
            Clause("D12", "No two callers get one run while its reservation lasts.", Capability.EXCLUSIVE_RESERVATIONS),
        ),
    ),
    Chapter(
        "storage",
        "Blobs",
        (
            Clause("B1", "A blob is kept under its name and never changes."),
            Clause("B2", "Of several who put a blob of one name at once, one wins, and all read that one."),
        ),
    ),
    Chapter(
        "storage",
        "Time",
        (
            Clause("T1", "The store tells the time in milliseconds since the epoch, and dates what it writes by it."),
            Clause("T2", "The clocks of two clients differ by no more than the declared `max_skew`."),
        ),
    ),
    Chapter(
        "storage",
        "Checkpoints and rebuilding",
        (
            Clause("R1", "A checkpoint and the commits after it fold to what all commits fold to."),
            Clause("R2", "A checkpoint that is lost, stale, foreign or corrupt changes nothing."),
            Clause("R3", "An index rebuilt from the journal equals the index that was written with it."),
            Clause("R4", "Rebuilding writes no row whose thread has moved on, and leaves all else alone."),
            Clause("R5", "Rebuilding goes page by page through every thread, and reports what cannot be derived."),
        ),
    ),
    Chapter(
        "storage",
        "Retention",
        (
            Clause(
                "P1",
                "A purge takes runs that ended before its time with one of its statuses, page by page, but none that "
                "is quarantined or that a live run may await.",
            ),
            Clause("P2", "A purged run is gone for every reader, whole or not at all, and nobody brings it back."),
            Clause(
                "P3",
                "A tombstone says what the run was, at least until its time is over; as long as it is there nobody "
                "starts the id anew.",
            ),
        ),
    ),
    Chapter(
        "storage",
        "Transactions of the host",
        (
            Clause(
                "H1",
                "What is committed within a host's transaction is seen in it at once, by all when it commits, and by "
                "nobody before.",
                Capability.HOST_TRANSACTIONS,
            ),
            Clause(
                "H2",
                "A host's transaction that is rolled back leaves nothing of what was committed within it.",
                Capability.HOST_TRANSACTIONS,
            ),
            Clause(
                "H3",
                "Within a transaction a commit is judged as ever; one that is not accepted has no effect, and the "
                "transaction can be used on unless TransactionAborted was raised.",
                Capability.HOST_TRANSACTIONS,
            ),
            Clause(
                "H4",
                "What is written through the handle of a lent transaction and what is committed in it take effect "
                "together or not at all.",
                Capability.HOST_TRANSACTIONS,
            ),
            Clause("H5", "Who does not declare it takes part in no transaction, and says so with NotSupported."),
        ),
    ),
    Chapter(
        "storage",
        "Failures",
        (
            Clause("E1", "Where the store cannot be reached every method raises Unavailable, and nothing else."),
            Clause("E2", "No text of an error, and no repr, holds a credential."),
            Clause("E3", "After Unavailable with the outcome `none` nothing took effect."),
        ),
    ),
    Chapter(
        "leases",
        "Leases",
        (
            Clause("L1", "Whatever is asked, in whatever order, the answers are those of the model in memory."),
            Clause("L2", "A delivery is with one owner at a time."),
            Clause("L3", "A lease that runs out makes its delivery visible again, and not before."),
            Clause("L4", "Every claim of a delivery has a greater token than those before it."),
            Clause("L5", "Who has lost a lease can neither extend, complete nor fail the delivery."),
            Clause("L6", "A holder that slept through its lease is refused, however late its report arrives."),
            Clause("L7", "A delivery is visible only after its delay, or after the time it was given back for."),
            Clause("L8", "What is given up becomes a dead letter: never delivered, and listed oldest first."),
            Clause("L9", "A claim takes lower priorities first, then the oldest, and no more than its limit."),
            Clause("L10", "A delivery id that is known adds nothing."),
            Clause("L11", "Payloads come back as they were, and what is not plain JSON is refused."),
            Clause("L12", "Queues never see each other's deliveries."),
            Clause("L13", "After `close` every call raises Unavailable; other clients and the deliveries stay."),
            Clause("L14", "Where the backend cannot be reached every method raises Unavailable, without a credential."),
        ),
    ),
    Chapter(
        "notifier",
        "Notifier",
        (
            Clause("N1", "Hints reach listeners of their queue, in this client and in others, and no other queue."),
            Clause("N2", "`notify` neither raises nor waits for listeners, and wakes them from another thread."),
            Clause("N3", "A listener that raises takes nothing from the others."),
            Clause("N4", "A closed subscription hears nothing more."),
            Clause("N5", "After `close` listening raises Unavailable, and notifying does nothing."),
            Clause("N6", "Cut off from its server `notify` is silent, and hints arrive again when it is back."),
        ),
    ),
    Chapter(
        "runtime",
        "The runtime on this storage",
        (
            Clause("A1", "Runs start once for each key, and execute to their end."),
            Clause("A2", "A worker that dies at any of its round trips loses no run and applies no step twice."),
            Clause(
                "A3", "Processes killed while they work lose no run and apply no step twice.", Capability.CRASH_SAFE
            ),
            Clause("A4", "A cancelled run ends, and what its bodies still give is dropped."),
            Clause("A5", "A run waits for its approval, and goes on with the decision."),
            Clause("A6", "Hints and leases make nothing possible that polling does not, and break nothing it does."),
        ),
    ),
)

CLAUSES: Mapping[str, Clause] = {clause.id: clause for chapter in CONTRACT for clause in chapter.clauses}
