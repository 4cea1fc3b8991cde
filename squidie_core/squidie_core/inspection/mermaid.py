"""Nodes and edges as the text of a Mermaid flowchart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from squidie_core.definition.model import END

_STYLES = {
    "completed": "fill:#d4edda,stroke:#28a745",
    "running": "fill:#cce5ff,stroke:#007bff",
    "retrying": "fill:#fff3cd,stroke:#fd7e14",
    "paused": "fill:#fff3cd,stroke:#ffc107",
    "failed": "fill:#f8d7da,stroke:#dc3545",
    "cancelled": "fill:#e2e3e5,stroke:#6c757d",
}


def flowchart(nodes: Sequence[tuple[str, str]], edges: Iterable[tuple[str, str, str, bool]]) -> str:
    """The flowchart of nodes (id, status) and edges (source, target, label, whether it was taken)."""
    names = {node: f"n{number}" for number, (node, _) in enumerate(nodes)}
    lines = ["flowchart TD"]
    lines += [f'    {names[node]}["{_quoted(node)}<br/>{status}"]:::{status}' for node, status in nodes]
    arrows: list[str] = []
    for source, target, label, taken in edges:
        if target == END and END not in names:
            names[END] = "done"
            lines.append('    done(["end"])')
        arrow = "==>" if taken else "-->"
        text = f'|"{_quoted(label)}"|' if label else ""
        arrows.append(f"    {names[source]} {arrow}{text} {names[target]}")
    used = {status for _, status in nodes}
    styles = [f"    classDef {status} {style}" for status, style in _STYLES.items() if status in used]
    return "\n".join([*lines, *arrows, *styles]) + "\n"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
