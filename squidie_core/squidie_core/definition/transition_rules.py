"""Rules for transitions and for the graph that they, or dependencies, make."""

from __future__ import annotations

from typing import get_args

from squidie_core.definition.findings import Findings, did_you_mean, target_name
from squidie_core.definition.graph import circles, reachable, roots, successors
from squidie_core.definition.model import END, Condition, Definition, Operator, Recovery, StepOutcome, Transition

_OUTCOMES = get_args(StepOutcome)
_OPERATORS = get_args(Operator)
_RECOVERIES = get_args(Recovery)
_CONDITION_HINT = 'when=where("route.decision").equals("auto")'


def check_graph(found: Findings, definition: Definition, *, complete: bool) -> bool:
    """Check transitions and dependencies. Returns whether every name in them is known."""
    known = _check_names(found, definition)
    for index, transition in enumerate(definition.transitions):
        _check_transition(found, index, transition)
    _check_gates(found, definition)
    _check_duplicates(found, definition)
    _check_circles(found, definition)
    if definition.transitions and any(step.after for step in definition.steps):
        message = "some steps say after= and there are transitions too; a workflow has one or the other"
        found.whole("dependency_transitions", message, "a.ok.to(b) for every b = step(..., after=[a])")
    elif known and complete:
        _check_entry(found, definition)
    return known


def _check_names(found: Findings, definition: Definition) -> bool:
    names = [step.name for step in definition.steps]
    known = True
    for index, transition in enumerate(definition.transitions):
        for name, code in (
            (transition.source, "unknown_transition_source"),
            (transition.target, "unknown_transition_target"),
        ):
            if name not in names and not (name == END and code == "unknown_transition_target"):
                known = False
                found.transition(index, transition, code, f"{name} is no step of this workflow", _unknown(name, names))
    for step in definition.steps:
        for name in step.after:
            if name == step.name:
                message = "it comes after itself"
                found.step(step.name, "self_step_dependency", message, "leave it out of its own after=")
            elif name not in names:
                known = False
                message = f"after= names {name}, which is no step of this workflow"
                found.step(step.name, "unknown_step_dependency", message, _unknown(name, names))
    return known


def _unknown(name: str, names: list[str]) -> str:
    if name.startswith("<"):  # a step object that is bound to no name
        return "bind it in the class body: name = step(...)"
    return did_you_mean(name, names, f"there are {', '.join(names)}")


def _check_transition(found: Findings, index: int, transition: Transition) -> None:
    if transition.on not in _OUTCOMES:
        message = "a step ends with 'ok' or 'error'"
        found.transition(index, transition, "invalid_transition_outcome", message, 'on="ok"')
    if transition.condition is not None:
        problem = _condition_problem(transition.condition)
        if problem:
            code = "invalid_transition_condition"
            found.transition(index, transition, code, problem, _CONDITION_HINT)
    if transition.recovery is not None:
        target = target_name(transition)
        hint = f'{transition.source}.error.to({target}, recovery="undo")'
        code = "invalid_transition_recovery"
        if transition.recovery not in _RECOVERIES:
            found.transition(index, transition, code, f"recovery= is {' or '.join(_RECOVERIES)}", hint)
        elif transition.on != "error":
            found.transition(index, transition, code, "only a transition on error can be a recovery", hint)
    if transition.max_visits is not None and transition.max_visits < 1:
        code = "invalid_transition_max_visits"
        found.transition(index, transition, code, "max_visits= must be at least 1", "max_visits=3")


def _condition_problem(condition: Condition) -> str:
    if not condition.path or not all(condition.path):
        return "its path has an empty part"
    if condition.operator not in _OPERATORS:
        return f"it compares by {' or '.join(_OPERATORS)}"
    if condition.operator == "equals":
        return ""
    value = condition.value
    if isinstance(value, bool) or not (isinstance(value, int | float) or _is_ordered(value)):
        return f"{condition.operator} compares numbers or times"
    return ""


def _is_ordered(value: object) -> bool:
    """Whether this is a stored time, date, duration or decimal."""
    tag = value.get("$squidie") if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]  # plain JSON
    return tag in ("datetime", "date", "time", "timedelta", "decimal")


def _check_gates(found: Findings, definition: Definition) -> None:
    kinds = {step.name: step.kind for step in definition.steps}
    routes = {(transition.source, transition.on) for transition in definition.transitions}
    for index, transition in enumerate(definition.transitions):
        kind = kinds.get(transition.source)
        if kind in ("pause", "approval") and transition.condition is not None:
            message = f"a person decides the {kind}, so it takes no when="
            hint = f"{transition.source}.{transition.on}.to({target_name(transition)})"
            found.transition(index, transition, "manual_step_transition_condition", message, hint)
        if kind in ("pause", "wait", "log") and transition.on == "error":
            hint = f"{transition.source}.ok.to({target_name(transition)})"
            found.transition(index, transition, "invalid_transition_outcome", f"a {kind} cannot fail", hint)
    ordered = any(step.after for step in definition.steps)
    for name, kind in kinds.items():
        if kind not in ("pause", "approval"):
            continue
        if ordered or (kind == "pause" and definition.uses_dependencies and len(kinds) > 1):
            message = f"a {kind} needs transitions, and this workflow orders its steps by after="
            found.step(name, "manual_step_in_dependency_workflow", message, f"transitions = sequence(..., {name}, ...)")
        elif kind == "approval":
            missing = [on for on in _OUTCOMES if (name, on) not in routes]
            if missing:
                message = f"nothing says where it leads on {' and '.join(missing)}"
                hint = ", ".join(f"{name}.{on}.to({'end' if on == 'error' else '...'})" for on in missing)
                found.step(name, "missing_approval_transitions", message, hint)


def _check_duplicates(found: Findings, definition: Definition) -> None:
    """A transition that comes after one which is always taken in its place."""
    for index, transition in enumerate(definition.transitions):
        for earlier in definition.transitions[:index]:
            same = (earlier.source, earlier.on, earlier.condition) == (
                transition.source,
                transition.on,
                transition.condition,
            )
            if same and earlier.max_visits is None:
                when = "without when=" if transition.condition is None else "with the same when="
                message = f"{earlier.source}.{earlier.on} leads to {target_name(earlier)} {when} already"
                hint = "give one of them when=" if transition.condition is None else "give one of them another when="
                found.transition(index, transition, "duplicate_transition", message, hint)
                break


def _check_circles(found: Findings, definition: Definition) -> None:
    endless: dict[str, list[str]] = {step.name: [] for step in definition.steps}
    for transition in definition.transitions:
        if transition.max_visits is None and transition.target != END and transition.source in endless:
            endless[transition.source].append(transition.target)
    for circle in circles(endless):
        *_, source, target = circle
        index, closing = _find(definition, source, target)
        message = f"runs may go round for ever: {' -> '.join(circle)}"
        hint = f"{closing.source}.{closing.on}.to({closing.target}, max_visits=3)"
        found.transition(index, closing, "transition_cycle", message, hint)
    waiting = {step.name: [name for name in step.after if name != step.name] for step in definition.steps}
    for circle in circles(waiting):
        *_, last, first = circle
        message = f"each of these waits for the next: {' -> '.join(circle)}"
        found.step(last, "dependency_cycle", message, f"leave {first} out of {last}'s after=")


def _find(definition: Definition, source: str, target: str) -> tuple[int, Transition]:
    return next(
        (index, item)
        for index, item in enumerate(definition.transitions)
        if (item.source, item.target) == (source, target) and item.max_visits is None
    )


def _check_entry(found: Findings, definition: Definition) -> None:
    begin = roots(definition)
    if definition.uses_dependencies:
        return
    if len(begin) > 1:
        message = f"a run begins with one step, and nothing leads to {' nor '.join(begin)}"
        found.whole("invalid_entry_steps", message, f"transitions = sequence({', '.join(begin)})")
        return
    entry = "".join(begin)
    seen = reachable(successors(definition), begin) | set(begin)
    for step in definition.steps:
        if step.name not in seen:
            seen |= reachable(successors(definition), [step.name])  # they are cut off for the same cause
            message = f"nothing leads to it from {entry}, where runs begin"
            found.step(step.name, "unreachable_step", message, f"{entry}.ok.to({step.name})")
