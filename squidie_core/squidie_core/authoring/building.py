"""From declarations to the definition: names for objects, milliseconds for durations, plain values for conditions."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, cast

from squidie_core.authoring.collecting import Declaration
from squidie_core.authoring.conditions import When
from squidie_core.authoring.payloads import Contract, read_contract
from squidie_core.authoring.report import Report
from squidie_core.authoring.signatures import Signature, read_signature
from squidie_core.authoring.step_options import StepBuilder, name_of, path_of
from squidie_core.authoring.steps import AnyStep, End, Step, Transition
from squidie_core.authoring.triggers import Trigger
from squidie_core.dataclass import record
from squidie_core.definition import model
from squidie_core.definition.findings import transition_place
from squidie_core.errors import EncodingError
from squidie_core.journal.values import encode


@record(frozen=True, slots=True)
class Built:
    """A definition, and what was read on the way."""

    definition: model.Definition
    signatures: Mapping[str, Signature]
    """Of each step with a body."""
    contracts: Mapping[str, Contract]
    """Of each trigger."""


def build(declared: Declaration, report: Report) -> Built:
    """Build the definition. Problems go to the report; what they leave open gets its default."""
    contracts = {name: read_contract(trigger) for name, trigger in declared.triggers.items()}
    signatures = {name: _signature(step) for name, step in declared.steps.items() if step.kind == "run"}
    definition = model.Definition(
        name=declared.name,
        version=declared.version,
        queue=declared.queue,
        on_drift=declared.on_drift,
        triggers=tuple(_trigger(report, name, trigger, contracts[name]) for name, trigger in declared.triggers.items()),
        steps=tuple(
            StepBuilder(declared, report, name, step).build(signatures.get(name))
            for name, step in declared.steps.items()
        ),
        transitions=tuple(_transition(declared, report, item) for item in declared.transitions),
    )
    return Built(definition, signatures, contracts)


def _signature(step: AnyStep) -> Signature:
    body: Any = step.body
    if callable(body) and not inspect.isclass(body):
        return read_signature(body)
    return Signature(everything=Any)


def _trigger(report: Report, name: str, declared: Trigger[Any], contract: Contract) -> model.TriggerDefinition:
    payload = tuple(item.definition for item in contract.fields)
    if declared.cron is None:
        return model.TriggerDefinition(name=name, payload=payload)
    cron: Any = declared.cron
    texts: dict[str, str] = {}
    for option in ("expression", "timezone"):
        value = getattr(cron, option)
        if isinstance(value, str):
            texts[option] = value
        else:
            message = f"{option} is a {type(value).__name__}, not str"
            report.add(
                f"invalid_cron_{option}", f"trigger {name!r}", message, 'trigger.cron("0 21 * * *")', declared.source
            )
    return model.TriggerDefinition(name=name, kind="cron", payload=payload, idempotency=cron.idempotency, **texts)


def _transition(declared: Declaration, report: Report, item: Transition) -> model.Transition:
    bare = model.Transition(source=name_of(declared, item.origin), on=item.on, target=_target(declared, report, item))
    place = transition_place(bare)
    limit: Any = item.max_visits
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool)):
        message = f"max_visits= is a {type(limit).__name__}, not int"
        report.add("invalid_transition_max_visits", place, message, "max_visits=3", item.source)
        limit = None
    return model.Transition(
        source=bare.source,
        on=bare.on,
        target=bare.target,
        condition=_condition(report, item, place),
        recovery=item.recovery,
        max_visits=limit,
    )


def _target(declared: Declaration, report: Report, item: Transition) -> str:
    target: Any = item.target
    if isinstance(target, Step | End):
        return name_of(declared, cast("AnyStep | End", target))
    origin = name_of(declared, item.origin)
    text = f"<{target!r}>" if isinstance(target, str) else f"<a {type(target).__name__}>"
    end = target in ("end", "complete")
    hint = f"{origin}.{item.on}.to(end)" if end else f"{origin}.{item.on}.to(a_step) or .to(end)"
    place = f"transition {origin}.{item.on} -> {text}"
    report.add("unknown_transition_target", place, f"{text} is no step", hint, item.source)
    return text


def _condition(report: Report, item: Transition, place: str) -> model.Condition | None:
    when: Any = item.when
    if when is None:
        return None
    code, hint = "invalid_transition_condition", 'when=where("route.decision").equals("auto")'
    if not isinstance(when, When):
        message = f"when= is a {type(when).__name__}, not a comparison"
        report.add(code, place, message, hint, item.source)
        return None
    try:
        value = encode(when.value, "the value")
    except EncodingError as error:
        report.add(code, place, error.message, hint, item.source)
        return None
    return model.Condition(path=path_of(when.path), operator=when.operator, value=value)
