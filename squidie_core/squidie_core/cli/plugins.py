"""`squidie plugins`: which adapters are installed, and what they can do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from squidie_core.cli.arguments import Commands, add_command
from squidie_core.cli.output import Output
from squidie_core.cli.rendering import table
from squidie_core.plugins import Plugin, installed_plugins


def add(commands: Commands) -> None:
    """The command and its options."""
    parser = add_command(commands, "plugins", "list the adapters that are installed")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, out: Output) -> None:  # noqa: ARG001  # the signature of commands
    """List them, those that cannot be loaded with the reason."""
    plugins = installed_plugins()
    out.show({"plugins": [asdict(plugin) for plugin in plugins]}, _lines(plugins))


def _lines(plugins: Sequence[Plugin]) -> Iterator[str]:
    heads = ("port", "scheme", "distribution", "version", "capabilities or problem")
    yield from table(heads, (_row(plugin) for plugin in plugins))


def _row(plugin: Plugin) -> tuple[object, ...]:
    told = f"PROBLEM: {plugin.problem}" if plugin.problem is not None else _capabilities(plugin.capabilities)
    return plugin.port, f"{plugin.scheme}://", plugin.distribution, plugin.version, told


def _capabilities(declared: Mapping[str, Any] | None) -> str | None:
    if declared is None:
        return None
    told = {name: value for name, value in declared.items() if name != "name"}
    return ", ".join(name if value is True else f"{name}={value}" for name, value in told.items() if value is not False)
