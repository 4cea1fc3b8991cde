"""What a workflow class declares: found in the namespaces of its bases, so that a step needs no name of its own."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Any, cast

from squidie_core.authoring.report import Report
from squidie_core.authoring.source import NOWHERE, Source
from squidie_core.authoring.steps import AnyStep, InPlace, Outcome, Step, Transition
from squidie_core.authoring.triggers import Trigger
from squidie_core.dataclass import dataclass
from squidie_core.definition.findings import did_you_mean
from squidie_core.definition.model import Drift


@dataclass(slots=True)
class Declaration:
    """The declarations of one workflow class, by name."""

    workflow: type
    name: str
    version: str | None = None
    queue: str | None = None
    on_drift: Drift = "continue"
    abstract: bool = False
    source: Source = NOWHERE
    steps: dict[str, AnyStep] = field(default_factory=dict[str, AnyStep])
    """By durable name, in the order of declaration; a base's first."""
    triggers: dict[str, Trigger[Any]] = field(default_factory=dict[str, Trigger[Any]])
    transitions: tuple[Transition, ...] = ()
    step_names: dict[int, str] = field(default_factory=dict[int, str])
    """By the identity of the step object; also of objects that a subclass has rebound."""
    trigger_names: dict[int, str] = field(default_factory=dict[int, str])
    report: Report = field(default_factory=Report)
    cache: dict[str, object] = field(default_factory=dict[str, object])
    """What was made of it, once: it lives and dies with the class."""

    @property
    def place(self) -> str:
        """How problems of the whole class are headed."""
        return f"workflow {self.workflow.__name__}"


KEYWORDS = ("name", "version", "queue", "on_drift", "abstract")
_TEXTS = {
    "name": "invalid_workflow_name",
    "version": "invalid_definition_version",
    "queue": "invalid_queue",
    "on_drift": "invalid_on_drift",
}


def collect(cls: type, keywords: Mapping[str, Any], source: Source) -> Declaration:
    """Collect what the class and its bases declare. Problems stand in its report."""
    base: object = getattr(cls, "declaration_", None)  # a base's: this class has none yet
    found = Declaration(cls, default_name(cls), abstract=bool(keywords.get("abstract", False)), source=source)
    if isinstance(base, Declaration):
        found.queue, found.on_drift = base.queue, base.on_drift
    for keyword, value in keywords.items():
        _take_keyword(found, keyword, value)
    _check_own(found)
    _collect_steps(found)
    _collect_triggers(found)
    found.transitions = tuple(_transitions(found))
    return found


def _take_keyword(found: Declaration, keyword: str, value: Any) -> None:
    if keyword not in KEYWORDS:
        hint = did_you_mean(keyword, KEYWORDS, f"there are {', '.join(KEYWORDS)}")
        message = f"{keyword}= is no keyword of a workflow class"
        found.report.add("unknown_class_keyword", found.place, message, hint, found.source)
    elif keyword in _TEXTS and isinstance(value, str):
        setattr(found, keyword, value)
    elif keyword in _TEXTS and value is not None:
        message = f"{keyword}= is a {type(value).__name__}, not str"
        found.report.add(_TEXTS[keyword], found.place, message, f'{keyword}="..."', found.source)


def default_name(cls: type) -> str:
    """The name of a workflow whose class does not say one."""
    return f"{cls.__module__}.{cls.__qualname__}"


def _bindings(cls: type) -> Iterator[tuple[str, Any, bool]]:
    """Each attribute of the class and its bases, bases first, and whether a subclass has rebound it."""
    current: dict[str, type] = {}
    for kind in reversed(cls.__mro__):
        for attribute in vars(kind):
            current[attribute] = kind
    for kind in reversed(cls.__mro__):
        for attribute, value in vars(kind).items():
            yield attribute, value, current[attribute] is not kind


def _collect_steps(found: Declaration) -> None:
    bound: dict[int, str] = {}
    attributes: dict[str, AnyStep] = {}
    shadowed: list[tuple[str, AnyStep]] = []
    for attribute, value, rebound in _bindings(found.workflow):
        if attribute == "transitions":
            continue
        if not isinstance(value, Step):
            if not rebound:
                attributes.pop(attribute, None)
            continue
        declared = cast("AnyStep", value)
        # A rebound attribute keeps the place in the order that its first declaration had.
        attributes[attribute] = declared
        if rebound:
            shadowed.append((attribute, declared))
        elif id(declared) in bound:
            _report_double(found, attribute, bound[id(declared)], declared)
            attributes.pop(attribute, None)
        else:
            bound[id(declared)] = attribute
    names = {attribute: _durable(found, attribute, declared) for attribute, declared in attributes.items()}
    for attribute, declared in attributes.items():
        name = names[attribute]
        if name in found.steps:
            message = f"another step is called {name!r} too"
            found.report.add(
                "duplicate_step_name", f"step {name!r}", message, "give one of them another name=", declared.source
            )
            continue
        found.steps[name] = declared
        found.step_names[id(declared)] = name
    for attribute, declared in shadowed:
        if attribute in names and id(declared) not in found.step_names:
            found.step_names[id(declared)] = names[attribute]
        elif attribute in names and found.step_names[id(declared)] != names[attribute]:
            _report_double(found, found.step_names[id(declared)], attribute, declared)


def _durable(found: Declaration, attribute: str, declared: AnyStep) -> str:
    if attribute == "definition":
        found.report.add(
            "reserved_name",
            f"step {attribute!r}",
            f"{attribute!r} means something else in a workflow class",
            f"{attribute}_step = step(...)",
            declared.source,
        )
    name: Any = declared.options.name
    if name is not None and not isinstance(name, str):
        message = f"name= is a {type(name).__name__}, not str"
        found.report.add("invalid_step_name", f"step {attribute!r}", message, 'name="pack"', declared.source)
        return attribute
    return name or attribute


def _report_double(found: Declaration, attribute: str, other: str, declared: AnyStep) -> None:
    found.report.add(
        "duplicate_step_binding",
        f"step {attribute!r}",
        f"it is the same object as {other!r}, so transitions cannot tell which they mean",
        f"{attribute} = {found.workflow.__name__}.{other}.using()",
        declared.source,
    )


def _collect_triggers(found: Declaration) -> None:
    for attribute, value, rebound in _bindings(found.workflow):
        if isinstance(value, Trigger):
            declared: Trigger[Any] = cast("Any", value)
            found.triggers[attribute] = declared
            if not rebound and id(declared) in found.trigger_names:
                found.report.add(
                    "duplicate_trigger_binding",
                    f"trigger {attribute!r}",
                    f"it is the same object as {found.trigger_names[id(declared)]!r}",
                    f"{attribute} = trigger.{declared.kind}(...)",
                    declared.source,
                )
            found.trigger_names[id(declared)] = attribute
        elif not rebound:
            found.triggers.pop(attribute, None)


def _transitions(found: Declaration) -> Iterator[Transition]:
    declared: Any = getattr(found.workflow, "transitions", ())
    items: Any = (declared,) if isinstance(declared, Transition | Outcome | Step) else declared
    if not isinstance(items, tuple | list):
        message = f"transitions is a {type(items).__name__}"
        found.report.add(
            "invalid_transition", found.place, message, "transitions = (a.ok.to(b), b.ok.to(c))", found.source
        )
        return
    for item in cast("tuple[Any, ...]", items):
        if isinstance(item, Transition):
            yield item
        else:
            _report_no_transition(found, item)


def _report_no_transition(found: Declaration, item: Any) -> None:
    source = found.source
    if isinstance(item, Outcome):
        message, hint = "an outcome alone is no transition", f".{item.on}.to(target)"
        source = item.step.source
    elif isinstance(item, tuple | list):
        message, hint = "a sequence of transitions stands inside transitions", "*sequence(a, b, c)"
        parts = cast("tuple[Any, ...]", item)
        if parts and isinstance(parts[0], Transition):
            source = parts[0].source
    elif isinstance(item, Step):
        step = cast("AnyStep", item)
        message, hint, source = "a step alone is no transition", ".ok.to(target)", step.source
    else:
        message, hint = f"a {type(item).__name__} is no transition", "a.ok.to(b)"
    found.report.add("invalid_transition", "transitions", message, hint, source)


def _check_own(found: Declaration) -> None:
    """What stands in the class body and is neither trigger, step nor `transitions`."""
    for attribute, value in vars(found.workflow).items():
        if isinstance(value, Transition | Outcome) and attribute != "transitions":
            source = value.source if isinstance(value, Transition) else value.step.source
            found.report.add(
                "misplaced_transition",
                f"attribute {attribute!r}",
                "a transition counts only in transitions",
                "transitions = (..., a.ok.to(b))",
                source,
            )
        if isinstance(value, InPlace):
            message = "step(...) was given options and no body"
            found.report.add("invalid_step_body", f"step {attribute!r}", message, "step(a_function, ...)", value.source)
        function: Any = getattr(value, "__func__", value)
        if inspect.isfunction(function) and not attribute.startswith("_"):
            source = Source(function.__code__.co_filename, function.__code__.co_firstlineno)
            found.report.add(
                "undeclared_step",
                f"attribute {attribute!r}",
                "a function in the class body is not a step",
                f"@step()\ndef {attribute}(...): ...",
                source,
            )
