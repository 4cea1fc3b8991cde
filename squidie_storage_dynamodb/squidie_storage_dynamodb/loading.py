"""Threads, whole or their tails, with checkpoints in place of what they stand for."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence

from squidie_core.journal.commit import Checkpoint, Head, LoadedThread
from squidie_storage_dynamodb.appending import PIECE_BYTES
from squidie_storage_dynamodb.expressions import Update
from squidie_storage_dynamodb.failures import Declined
from squidie_storage_dynamodb.keys import fits
from squidie_storage_dynamodb.reading import current_all, journal
from squidie_storage_dynamodb.runs import Run, read_run
from squidie_storage_dynamodb.table import Table
from squidie_storage_dynamodb.values import Item, Value


def load(table: Table, thread_ids: Sequence[str], known: Mapping[str, Head]) -> dict[str, LoadedThread]:
    """The threads that exist. One round trip for the heads, and one more where some of the journals go beyond these."""
    runs = current_all(table, thread_ids)
    with_checkpoint = [run.thread_id for run in runs.values() if run.checkpoint and run.thread_id not in known]
    checkpoints = _checkpoints(table, with_checkpoint)

    def load_one(run: Run) -> LoadedThread | None:
        return _loaded(table, run, known.get(run.thread_id), checkpoints.get(run.thread_id))

    here = {thread_id: load_one(run) for thread_id, run in runs.items() if not run.spilled}
    beyond = [run for run in runs.values() if run.spilled]
    here |= zip((run.thread_id for run in beyond), table.each(load_one, beyond), strict=True)
    return {thread_id: thread for thread_id, thread in here.items() if thread is not None}


def small(run: Run) -> LoadedThread | None:
    """The thread, where its head item holds all of it."""
    return None if run.spilled else LoadedThread(run.head, run.commits(), None, run.nudges)


def _loaded(table: Table, run: Run, known: Head | None, checkpoint: Checkpoint | None) -> LoadedThread | None:
    if known is None and checkpoint is not None and checkpoint.head.rev <= run.head.rev:
        seen, commits = journal(table, run, checkpoint.head.rev)
        follows = commits[0].previous == checkpoint.head.commit_id if commits else run.head == checkpoint.head
        begins = not commits or commits[0].rev == checkpoint.head.rev + 1
        if seen is not None and follows and begins:
            return LoadedThread(seen.head, commits, checkpoint, seen.nudges)
    seen, commits = journal(table, run, 0 if known is None else known.rev)
    return None if seen is None else LoadedThread(seen.head, commits, None, seen.nudges)


def _checkpoints(table: Table, thread_ids: Sequence[str]) -> dict[str, Checkpoint]:
    """Those that can be read."""
    found: dict[str, Checkpoint] = {}
    for item in table.get_many(map(table.keys.checkpoint, thread_ids)):
        checkpoint = _read_checkpoint(item)
        if checkpoint is not None:
            found[table.keys.thread_id(item["pk"])] = checkpoint
    return found


def _read_checkpoint(item: Item) -> Checkpoint | None:
    try:
        body = zlib.decompress(item["body"]).decode()
    except (ValueError, zlib.error):
        return None
    return Checkpoint(Head(item["rev"], item["commit_id"]), item["fold_version"], body)


def put_checkpoint(table: Table, thread_id: str, checkpoint: Checkpoint) -> None:
    """Keep it in place of an older one, or of one that this run was never at; not where it is too large for an item."""
    body = zlib.compress(checkpoint.body.encode())
    if len(body) > PIECE_BYTES or not fits(thread_id):
        return
    mark = Update()
    mark.set("checkpoint", checkpoint.head.rev)
    mark.when("attribute_exists(#rev)")
    item: dict[str, Value] = {
        **table.keys.checkpoint(thread_id),
        "rev": checkpoint.head.rev,
        "commit_id": checkpoint.head.commit_id,
        "fold_version": checkpoint.fold_version,
        "body": body,
    }
    try:
        run = read_run(table.keys, table.update(table.keys.head(thread_id), mark))
        head_rev = 0 if run is None else run.head.rev
        older = "attribute_not_exists(#pk) OR #rev <= :mine OR #rev > :last"
        table.put(item, older, mine=checkpoint.head.rev, last=head_rev)
    except Declined:
        return  # no such run, a newer checkpoint, or others were at the run: it may be dropped at any time


def delete_checkpoint(table: Table, thread_id: str) -> None:
    """Empty it, if there is one: whoever works may write items, and only whoever purges may delete them."""
    if not fits(thread_id):
        return
    emptied = Update()
    emptied.when("attribute_exists(#pk)")
    for name, value in (("rev", 0), ("commit_id", 0), ("body", b"")):
        emptied.set(name, value)
    try:
        table.update(table.keys.checkpoint(thread_id), emptied)
    except Declined:
        return  # there is none
