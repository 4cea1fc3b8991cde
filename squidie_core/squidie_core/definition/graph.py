"""The shape of a definition: where runs begin, what leads where, what goes in circles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from squidie_core.definition.model import END, Definition

Edges = Mapping[str, list[str]]


def roots(definition: Definition) -> tuple[str, ...]:
    """The steps that a run begins with.

    By dependencies: those without any. By transitions: those that no other step leads to; where a loop leads back to
    the beginning, so that there is none, the step that is declared first.
    """
    if definition.uses_dependencies:
        return tuple(step.name for step in definition.steps if not step.after)
    targets = {t.target for t in definition.transitions if t.target != t.source}
    found = tuple(step.name for step in definition.steps if step.name not in targets)
    return found or tuple(step.name for step in definition.steps[:1])


def successors(definition: Definition) -> dict[str, list[str]]:
    """What each step leads to, by transitions and by dependencies; only steps that there are."""
    edges: dict[str, list[str]] = {step.name: [] for step in definition.steps}
    for transition in definition.transitions:
        if transition.source in edges and transition.target in edges:
            edges[transition.source].append(transition.target)
    for step in definition.steps:
        for name in step.after:
            if name in edges:
                edges[name].append(step.name)
    return edges


def predecessors(definition: Definition) -> dict[str, list[str]]:
    """What leads to each step."""
    edges = successors(definition)
    reverse: dict[str, list[str]] = {name: [] for name in edges}
    for name, targets in edges.items():
        for target in targets:
            reverse[target].append(name)
    return reverse


def reachable(edges: Edges, start: Iterable[str]) -> set[str]:
    """What the edges lead to from the start, in one step or more."""
    found: set[str] = set()
    waiting = [target for name in start for target in edges.get(name, ())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(edges.get(name, ()))
    return found


def circles(edges: Edges) -> Iterator[list[str]]:
    """For each edge that closes a circle, the circle: its names in order, the first again at the end."""
    done: set[str] = set()
    for start in edges:
        if start in done:
            continue
        path: list[str] = [start]
        rest = [iter(edges[start])]
        while rest:
            target = next(rest[-1], None)
            if target is None:
                done.add(path.pop())
                rest.pop()
            elif target in path:
                yield [*path[path.index(target) :], target]
            elif target not in done and target != END:
                path.append(target)
                rest.append(iter(edges.get(target, ())))
