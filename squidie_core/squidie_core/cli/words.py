"""A run's journal in words: what happened, one line for each fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from squidie_core.inspection import AttemptView
from squidie_core.inspection.times import moment, text
from squidie_core.journal.entries import Json
from squidie_core.journal.identity import deferrals

Fact: TypeAlias = Mapping[str, Json]
"""An entry of the journal as a snapshot's history has it."""


def history_lines(history: Iterable[Fact]) -> list[str]:
    """The journal, a line for each fact: revision, time in UTC, what happened."""
    return [f"{fact['rev']:>4}  {clock(fact['at'])}  {in_words(fact)}" for fact in history]


def clock(at: str) -> str:
    """The date and time of a fact, to the millisecond."""
    return at.replace("T", " ")


def in_words(fact: Fact) -> str:
    """What happened. A kind of fact that has no words here is given by its name."""
    words = WORDS.get(fact["type"])
    return str(fact["type"]).replace("_", " ") if words is None else words(fact)


def attempt_name(view: AttemptView) -> str:
    """The step, its visit and its attempt, these where they are not the first."""
    return _named(view.step, view.visit, view.attempt, continued=view.runnable_key.count(":deferred"))


def error_words(error: Mapping[str, Json]) -> str:
    """The error's code and message."""
    return f"{error.get('code', 'error')}: {error.get('message', '')}".rstrip(": ")


def _what(key: str) -> str:
    """The step and attempt that a runnable's key, `<run_id>:<step>[#<visit>]:<attempt>[:deferred...]`, stands for."""
    plain, continued = deferrals(key)
    step, _, attempt = plain.partition(":")[2].rpartition(":")
    name, _, visit = step.partition("#")
    return _named(name, int(visit or 1), int(attempt), continued=continued)


def _named(step: str, visit: int, attempt: int, *, continued: int) -> str:
    notes = [
        *([f"visit {visit}"] if visit > 1 else []),
        *([f"attempt {attempt}"] if attempt > 1 else []),
        *([f"continued {continued}x" if continued > 1 else "continued"] if continued else []),
    ]
    return f"{step} ({', '.join(notes)})" if notes else step


def _signal(fact: Fact) -> str:
    actor = fact.get("actor")
    by = "" if actor is None else f" by {actor if isinstance(actor, str) else dict(actor)}"
    comment = f": {fact['comment']}" if fact.get("comment") else ""
    return f"command {str(fact['signal']).replace('_', ' ')}{by}{comment}"


def _started(fact: Fact) -> str:
    version = f" {fact['version']}" if fact.get("version") else ""
    return f"{fact['workflow']}{version} started by {fact['trigger']} in queue {fact['queue']}"


def _planned(fact: Fact) -> str:
    return "planned " + ", ".join(_plan(runnable, fact["at"]) for runnable in fact["runnables"])


def _plan(runnable: Mapping[str, Any], now: str) -> str:
    visible_at = _text(runnable["visible_at"])
    later = f" for {clock(visible_at)}" if visible_at > now else ""
    return _what(runnable["key"]) + later


def _claimed(fact: Fact) -> str:
    return f"{fact['owner_id']} claimed {_what(fact['runnable_key'])} until {_until(fact)}"


def _heartbeat(fact: Fact) -> str:
    held = ", ".join(_what(key) for key in fact["claims"])
    return f"heartbeat: {held} held until {_until(fact)}"


def _failed(fact: Fact) -> str:
    error = fact["error"]
    retry = "; will be tried again" if fact.get("retry_key") else ""
    return f"{_what(fact['runnable_key'])} failed, {error_words(error)}{retry}"


def _applied(fact: Fact) -> str:
    what = _what(fact["runnable_key"])
    if fact.get("deferred") is not None:
        return f"{what} goes on later"
    decision: Mapping[str, Any] | None = fact.get("decision")
    if decision is None:
        return f"{what} took effect"
    target = "the end" if decision["target"] == "__complete__" else decision["target"]
    return f"{what} took effect, {decision['on']} leads to {target}"


def _compensating(fact: Fact) -> str:
    error = fact.get("error")
    why = str(fact["status"]) if error is None else f"{fact['status']}, {error_words(error)}"
    return f"the run is undone before it ends: {why}"


def _terminal(fact: Fact) -> str:
    error = fact.get("error")
    return f"the run ended: {fact['status']}" + ("" if error is None else f", {error_words(error)}")


def _child(fact: Fact) -> str:
    return f"{_what(fact['runnable_key'])} started run {fact['child_run_id']} of {fact['child_workflow']}"


def _child_ended(fact: Fact) -> str:
    return f"run {fact['child_run_id']}, which {fact['step']} awaits, ended: {fact['status']}"


def _dynamic(fact: Fact) -> str:
    nodes = ", ".join(node["id"] for node in fact["nodes"])
    return f"dynamic work {fact['dynamic_key']} was {fact.get('status', 'recorded')}: {nodes}"


def _until(fact: Fact) -> str:
    return clock(_text(fact["lease_until"]))


def _text(at: int) -> str:
    return text(moment(at)) or ""


WORDS: Mapping[str, Callable[[Fact], str]] = {
    "run_signal_received": _signal,
    "run_started": _started,
    "runnables_planned": _planned,
    "attempt_claimed": _claimed,
    "attempt_heartbeat": _heartbeat,
    "attempt_released": lambda fact: f"{_what(fact['runnable_key'])} was given back unbegun",
    "attempt_completed": lambda fact: f"{_what(fact['runnable_key'])} completed",
    "attempt_failed": _failed,
    "runnable_applied": _applied,
    "manual_step_paused": lambda fact: f"the run waits at {fact['kind']} {fact['step']}",
    "manual_step_resolved": lambda fact: f"{fact['step']} was {fact['action']}",
    "child_run_started": _child,
    "child_run_ended": _child_ended,
    "children_awaited": lambda fact: f"{_what(fact['runnable_key'])} waits for the runs that it started",
    "dynamic_work_recorded": _dynamic,
    "compensation_started": _compensating,
    "run_terminal": _terminal,
}
