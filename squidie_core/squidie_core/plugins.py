"""Finding adapters by the scheme of a URL: entry points that installed distributions declare."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal, cast

from squidie_core.dataclass import dataclass
from squidie_core.errors import PluginError, SquidieError, near
from squidie_core.ports.storage import Capabilities

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Port = Literal["storage", "leases", "notifier"]
Opener = Callable[..., Any]
"""Takes a URL and options, gives an adapter."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_DISTRIBUTIONS: Mapping[tuple[str, str], str] = {
    ("storage", "sqlite"): "squidie-storage-sql",
    ("storage", "postgresql"): "squidie-storage-sql",
    ("notifier", "postgresql"): "squidie-storage-sql",
    ("storage", "dynamodb"): "squidie-storage-dynamodb",
    ("leases", "redis"): "squidie-leases-redis",
    ("leases", "rediss"): "squidie-leases-redis",
    ("notifier", "redis"): "squidie-leases-redis",
    ("notifier", "rediss"): "squidie-leases-redis",
}


@dataclass(frozen=True, slots=True)
class Plugin:
    """An adapter that is installed. `problem` says why it cannot be loaded, if so."""

    port: Port
    scheme: str
    distribution: str
    version: str
    value: str
    capabilities: Mapping[str, Any] | None = None
    problem: str | None = None


def open_plugin(port: Port, url: str, options: Mapping[str, Any]) -> Any:
    """The adapter for the URL's scheme. Raises PluginError where it is missing or broken."""
    return find_opener(port, url)(url, **options)


def scheme_of(url: str) -> str:
    """The scheme that finds the adapter, without a driver; empty where there is none."""
    scheme, separator, _ = url.partition("://")
    return scheme.partition("+")[0].lower() if separator and _SCHEME.fullmatch(scheme) else ""


def find_opener(port: Port, url: str) -> Opener:
    """What opens URLs of this scheme. Raises PluginError; its text never holds more of the URL than the scheme."""
    scheme = scheme_of(url)
    if not scheme:
        raise PluginError(
            f"a {port} URL starts with a scheme, such as sqlite:///runs.db; this one has none",
            code="invalid_url",
            details={"port": port},
        )
    found = _entry_points(port).get(scheme)
    if found is None:
        raise _missing(port, scheme)
    return _load(port, found)


def installed_plugins() -> tuple[Plugin, ...]:
    """Every adapter that an installed distribution declares, whether it loads or not."""
    ports: tuple[Port, ...] = ("storage", "leases", "notifier")
    return tuple(_describe(port, point) for port in ports for _, point in sorted(_entry_points(port).items()))


def _entry_points(port: Port) -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # noqa: PLC0415  # takes a while to import, and not all need it

    return {point.name: point for point in entry_points(group=f"squidie.{port}")}


def _load(port: Port, point: EntryPoint) -> Opener:
    try:
        opener = point.load()
    except Exception as error:
        raise PluginError(
            f"the {port} plugin {point.name!r} ({point.value}) cannot be loaded: {type(error).__name__}: {error}; "
            f"reinstall {_distribution(point)[0]}",
            code="broken_plugin",
            details={"port": port, "scheme": point.name},
        ) from error
    if not callable(opener):
        raise PluginError(
            f"the {port} plugin {point.name!r} ({point.value}) is not callable",
            code="broken_plugin",
            details={"port": port, "scheme": point.name},
        )
    return cast("Opener", opener)


def _missing(port: Port, scheme: str) -> PluginError:
    installed = sorted(_entry_points(port))
    distribution = _DISTRIBUTIONS.get((port, scheme))
    meant = near(scheme, installed)
    if distribution is not None:
        hint = f"pip install {distribution}"
    elif meant:
        hint = f"did you mean {meant}://?"
    else:
        hint = "install the adapter's distribution"
    return PluginError(
        f"there is no {port} plugin for {scheme}://; installed: {', '.join(installed) or 'none'}; {hint}",
        code="unknown_plugin",
        details={"port": port, "scheme": scheme, "installed": installed},
    )


def _describe(port: Port, point: EntryPoint) -> Plugin:
    distribution, version = _distribution(point)
    try:
        opener = _load(port, point)
    except SquidieError as error:
        return Plugin(port, point.name, distribution, version, point.value, problem=error.message)
    declared = getattr(opener, "capabilities", None)
    capabilities = asdict(declared) if isinstance(declared, Capabilities) else None
    return Plugin(port, point.name, distribution, version, point.value, capabilities)


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist is not None else ("unknown", "")
