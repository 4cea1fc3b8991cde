"""What must be true afterwards, from the store and the side log alone. Says everything that is not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NoReturn

from squidie_core import Squidie
from squidie_core.authoring import Step, compiled
from squidie_core.inspection.snapshot import snapshot
from squidie_core.journal.commit import LoadedThread, StoredCommit
from squidie_core.journal.entries import AttemptCompleted, AttemptFailed, Json, ManualStepResolved
from squidie_core.ports.storage import RunQuery, RunRow
from squidie_core.state import RunState, fold_thread, index_row
from tests.chaos.flows import ALL
from tests.chaos.sidelog import SideLog
from tests.chaos.trial import Trial, Work

_SHOWN = 20
_INSPECT_EVERY = 4
"""Inspecting takes as long as all the rest."""
_PLANS = {compiled(workflow).name: compiled(workflow).plan for workflow in ALL}


def judge(squidie: Squidie, log: SideLog, *, count: int, ends: Mapping[str, set[str]] | None = None) -> list[Trial]:
    """Read every journal; `count` runs were to be started. `ends`: how runs of a workflow may end but completed."""
    trials: list[Trial] = []
    problems: list[str] = []
    rows = list(_rows(squidie))
    for place, row in enumerate(rows):
        commits = squidie.store.storage.read(row.thread_id)
        trial = Trial(row.thread_id, commits)
        trials.append(trial)
        problems += trial.problems
        problems += _fold_problems(squidie, row, commits, inspect=place % _INSPECT_EVERY == 0)
        problems += _end_problems(trial, ends or {})
    problems += _start_problems(log, rows, count)
    problems += _body_problems(log, trials)
    problems += _process_problems(log)
    problems += _index_problems(squidie, rows)
    assert not problems, f"{len(problems)} problems: " + "\n".join(problems[:_SHOWN])
    return trials


def _rows(squidie: Squidie) -> Iterator[RunRow]:
    cursor: str | None = None
    while True:
        page = squidie.store.storage.find(RunQuery(limit=500, cursor=cursor))
        yield from page.runs
        cursor = page.next_cursor
        if cursor is None:
            return


def _fold_problems(squidie: Squidie, row: RunRow, commits: Sequence[StoredCommit], *, inspect: bool) -> Iterator[str]:
    """Folding everything gives what the index says, and what inspecting says, whatever that started from."""
    run_id = row.thread_id
    state = fold_thread(RunState(run_id), LoadedThread(commits[-1].head, commits))
    if (row.head, row.index) != (state.head, index_row(state)):
        yield f"{run_id}: the index says {row.index}, the journal {index_row(state)}"
    if row.quarantine_reason is not None:
        yield f"{run_id}: quarantined, {row.quarantine_reason}"
    if state.anomalies:
        yield f"{run_id}: {state.anomalies}"
    if inspect and (found := squidie.inspect_run(run_id)) != snapshot(state, 0, _no_output):
        yield f"{run_id}: inspecting says {found}"


def _no_output(step: Step[..., Any], results: Mapping[str, Json]) -> NoReturn:
    raise AssertionError(step, results)


def _end_problems(trial: Trial, ends: Mapping[str, set[str]]) -> Iterator[str]:
    """The run is over, every step that it had to take was applied once, and each saw what those before it gave."""
    run_id = trial.run_id
    if trial.started is None or trial.terminal is None:
        yield f"{run_id}: it did not end"
        return
    status, workflow = trial.terminal.status, trial.started.workflow
    if status not in {"completed", *ends.get(workflow, ())}:
        yield f"{run_id}: {workflow} ended as {trial.terminal}"
    applied = Counter(work.planned.step for work in _applied(trial))
    if any(times > 1 for times in applied.values()):
        yield f"{run_id}: steps were applied {applied}"
    if status == "completed" and applied.keys() != _way(trial, workflow):
        yield f"{run_id}: {workflow} is complete after {sorted(applied)}"
    tokens = {work.planned.step: _result(work).get("token") for work in _applied(trial)}
    for work in _applied(trial):
        saw = _result(work).get("saw", {})
        for path in _PLANS[workflow].steps[work.planned.step].definition.input:
            if path.path[-1] == "token" and saw[path.target] != tokens.get(path.path[0]):
                yield f"{run_id}: {work.planned.step} saw another result of {path.path[0]} than was applied"


def _applied(trial: Trial) -> list[Work]:
    """What was applied and was no deferral."""
    return [work for work in trial.works.values() if work.applied is not None and work.applied.deferred is None]


def _way(trial: Trial, workflow: str) -> set[str]:
    """The steps that the run had to take."""
    steps = set(_PLANS[workflow].steps)
    if workflow == "gated":
        (council,) = (work.ended for work in trial.works.values() if work.planned.step == "council")
        rejected = isinstance(council, ManualStepResolved) and council.action == "rejected"
        steps.remove("third" if rejected else "sorry")
    return steps


def _result(work: Work) -> Mapping[str, Any]:
    """What the body returned, without the output's name."""
    result: Any = work.ended.result if isinstance(work.ended, AttemptCompleted) else {}
    inner: Mapping[str, Any] = result.get(work.planned.step, {})
    return inner


def _start_problems(log: SideLog, rows: Sequence[RunRow], count: int) -> Iterator[str]:
    """Each run was started once, however often that was tried, and all of them are there."""
    told: dict[int, set[str]] = {}
    for fact in log.facts("started"):
        told.setdefault(fact["number"], set()).add(fact["run"])
    ids = [run_id for found in told.values() for run_id in found]
    if told.keys() != set(range(count)) or len(ids) != count:
        yield f"of {count} runs {len(told)} were started, as {len(ids)}"
    if sorted(ids) != sorted(row.thread_id for row in rows):
        yield f"the store lists {len(rows)} runs, {len(set(ids) - {row.thread_id for row in rows})} are missing"


def _body_problems(log: SideLog, trials: Sequence[Trial]) -> Iterator[str]:
    """No body ran without a claim, none twice for one, and each result that took effect is one that a body gave."""
    ran = {(fact["key"], fact["claim"]): fact["token"] for fact in log.facts("body")}
    if len(ran) != len(log.facts("body")):
        yield "a body ran twice for one claim"
    works = {key: work for trial in trials for key, work in trial.works.items()}
    claimed = {(key, claim) for key, work in works.items() for claim in work.claims}
    yield from (f"a body ran for {key} without the claim {claim}" for key, claim in ran.keys() - claimed)
    for key, work in works.items():
        if isinstance(work.ended, (AttemptCompleted, AttemptFailed)) and work.ended.claim_id is not None:
            token = ran.get((key, work.ended.claim_id))
            if token is None:
                yield f"{key} ended by a claim whose body never ran"
            elif (result := _result(work)) and result["token"] != token:
                yield f"the result of {key} is not what its body gave"


def _process_problems(log: SideLog) -> Iterator[str]:
    """Processes end because they are killed or told to, never by themselves."""
    codes = Counter((fact["role"], fact["code"]) for fact in log.facts("end"))
    yield from (f"{role} ended with {code}, {times} times" for (role, code), times in codes.items() if code > 0)


def _index_problems(squidie: Squidie, before: Sequence[RunRow]) -> Iterator[str]:
    """Rebuilding the index changes nothing."""
    failed = squidie.rebuild_index()
    after = list(_rows(squidie))
    if failed or [_lasting(row) for row in after] != [_lasting(row) for row in before]:
        yield f"the rebuilt index differs; {failed}"


def _lasting(row: RunRow) -> RunRow:
    return replace(row, updated_at=0)
