"""Comparing the index with the journals that it is derived from, on a sample of the runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, fields

from squidie_core.dataclass import dataclass
from squidie_core.definition.plan import Plan
from squidie_core.errors import Corrupt, UnknownVersion
from squidie_core.journal.commit import NO_HEAD, IndexRow, LoadedThread, StoredCommit
from squidie_core.journal.redaction import scrub
from squidie_core.ports.health import Finding
from squidie_core.ports.storage import RunQuery, RunRow, Storage
from squidie_core.state import RunState, fold_thread, index_row

_STATUSES = ("running", "paused", "completed", "failed", "cancelled")
_PAGE = 1_000
_SHOWN = 5


@dataclass(slots=True)
class _Sample:
    """What reading the journals brought to light, by run id."""

    mismatches: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    unreadable: dict[str, str] = field(default_factory=dict[str, str])
    newer: list[str] = field(default_factory=list[str])
    anomalies: dict[str, int] = field(default_factory=dict[str, int])
    definitions: dict[str, str] = field(default_factory=dict[str, str])
    """A run for each definition that is named."""


def examine_sample(storage: Storage, size: int) -> Iterable[Finding]:
    """The findings about index, journals and definitions of about `size` runs."""
    rows = _choose(storage, size)
    sample = _Sample()
    for row in rows:
        _examine(storage, row, sample)
    looked = f"in a sample of {len(rows)} run{'s' * (len(rows) != 1)}"
    yield _finding(
        "index",
        {run_id: ", ".join(names) for run_id, names in sample.mismatches.items()},
        good=f"the index says what the journals say, {looked}",
        bad="the index differs from the journal",
        hint="call Squidie.rebuild_index(); it works while everything goes on",
    )
    yield _finding(
        "journals",
        sample.unreadable,
        good=f"every journal can be read, {looked}",
        bad="the journal cannot be read",
        hint="repair it from a backup; the other runs go on",
    )
    if sample.newer:
        yield _finding(
            "versions",
            dict.fromkeys(sample.newer, "written by a newer Squidie"),
            good="",
            bad="the journal is from the future",
            hint="upgrade this process",
            fails=False,
        )
    yield _finding(
        "anomalies",
        {run_id: f"{count} entries" for run_id, count in sample.anomalies.items()},
        good=f"no entry broke a rule, {looked}",
        bad="entries broke a rule of the journal and had no effect",
        hint="see `squidie inspect RUN`; it may be a bug, please report it",
        fails=False,
    )
    yield _finding(
        "definitions",
        _missing(storage, sample.definitions),
        good=f"the {len(sample.definitions)} definitions that the runs go by are in the store",
        bad="a definition that runs go by cannot be had",
        hint="start a run from code that has this definition, which stores it again, or restore it from a backup",
    )


def _choose(storage: Storage, size: int) -> Sequence[RunRow]:
    """The newest of each status for one half, the newest of all for the other."""
    rows: dict[str, RunRow] = {}
    share = -(-size // (2 * len(_STATUSES)))
    for status in _STATUSES:
        for row in _newest(storage, min(share, size - len(rows)), status):
            rows[row.thread_id] = row
    for row in _newest(storage, size, None):
        if len(rows) >= size:
            break
        rows.setdefault(row.thread_id, row)
    return list(rows.values())


def _newest(storage: Storage, count: int, status: str | None) -> Iterable[RunRow]:
    cursor: str | None = None
    while count > 0:
        page = storage.find(RunQuery(status=status, limit=min(count, _PAGE), cursor=cursor))
        yield from page.runs
        count -= len(page.runs)
        cursor = page.next_cursor
        if cursor is None:
            return


def _examine(storage: Storage, row: RunRow, sample: _Sample) -> None:
    run_id = row.thread_id
    commits = storage.read(run_id)
    if not commits and not storage.heads([run_id]):
        return  # purged meanwhile
    covered = [commit for commit in commits if commit.head.rev <= row.head.rev]
    if (covered[-1].head if covered else NO_HEAD) != row.head or _is_behind(storage, row, commits):
        sample.mismatches[run_id] = ["head"]
    try:
        state = fold_thread(RunState(run_id), LoadedThread(covered[-1].head if covered else NO_HEAD, covered))
        derived = index_row(state, storage.capabilities.max_skew)
        if later := commits[len(covered) :]:
            fold_thread(state, LoadedThread(later[-1].head, later))
    except Corrupt as error:
        sample.unreadable[run_id] = scrub(error.message)
        return
    except UnknownVersion:
        sample.newer.append(run_id)
        return
    if run_id not in sample.mismatches and (differing := _differing(row.index, derived)):
        sample.mismatches[run_id] = differing
    if state.anomalies:
        sample.anomalies[run_id] = len(state.anomalies)
    sample.definitions.setdefault(state.definition, run_id)


def _is_behind(storage: Storage, row: RunRow, commits: Sequence[StoredCommit]) -> bool:
    """Whether the head stays behind the entries; a run that moved on since it was listed has moved its head as well."""
    if not commits or commits[-1].head == row.head:
        return False
    now = storage.heads([row.thread_id]).get(row.thread_id)
    return now is not None and now.head.rev < commits[-1].head.rev


def _differing(listed: IndexRow, derived: IndexRow) -> list[str]:
    names = (field.name for field in fields(IndexRow))
    return [name for name in names if getattr(listed, name) != getattr(derived, name)]


def _missing(storage: Storage, definitions: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with the definitions, by run id."""
    texts = storage.get_blobs(list(definitions))
    problems: dict[str, str] = {}
    for digest, run_id in definitions.items():
        text = texts.get(digest)
        if text is None:
            problems[run_id] = f"{digest[:12]} is missing"
        elif not _is_readable(text, digest):
            problems[run_id] = f"{digest[:12]} cannot be read"
    return problems


def _is_readable(text: str, digest: str) -> bool:
    try:
        return Plan.from_text(text).fingerprint == digest
    except (KeyError, TypeError, ValueError):
        return False


def _finding(check: str, problems: Mapping[str, str], *, good: str, bad: str, hint: str, fails: bool = True) -> Finding:
    if not problems:
        return Finding(check=check, status="ok", message=good)
    shown = "; ".join(f"{run_id}: {problem}" for run_id, problem in list(problems.items())[:_SHOWN])
    more = "; ..." if len(problems) > _SHOWN else ""
    return Finding(
        check=check,
        status="fail" if fails else "warn",
        message=f"{bad} for {len(problems)} of the sample ({shown}{more})",
        hint=hint,
        details={"runs": dict(problems)},
    )
