"""How a SQLite file does: its write-ahead log, its free pages, its settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from squidie_core.ports import Finding

if TYPE_CHECKING:
    import sqlite3

_SYNCHRONOUS = ("off", "normal", "full", "extra")
_MEGABYTE = 1024 * 1024


@attrs.frozen(kw_only=True)
class Limits:
    """Beyond these it is a warning; in bytes."""

    log: int = 256 * _MEGABYTE
    free: int = 64 * _MEGABYTE
    """Less free space in the file is never worth a word."""
    free_share: float = 0.5


def examine(connection: sqlite3.Connection, limits: Limits | None = None) -> list[Finding]:
    """Three findings about the file of this connection, which is set up as all connections are."""
    limits = limits or Limits()
    return [_log(connection, limits), _free(connection, limits), _durability(connection)]


def _log(connection: sqlite3.Connection, limits: Limits) -> Finding:
    path = next(file for _, name, file in connection.execute("pragma database_list") if name == "main")
    log = Path(f"{path}-wal")
    size = log.stat().st_size if log.exists() else 0
    large = size > limits.log
    return Finding(
        check="log",
        status="warn" if large else "ok",
        message=f"the write-ahead log has {_megabytes(size)}",
        hint="end what reads for long: the log cannot begin anew while somebody reads an old state" if large else "",
        details={"bytes": size},
    )


def _free(connection: sqlite3.Connection, limits: Limits) -> Finding:
    pages, free, page_size = (_pragma(connection, name) for name in ("page_count", "freelist_count", "page_size"))
    wasteful = free * page_size > limits.free and free > pages * limits.free_share
    return Finding(
        check="bloat",
        status="warn" if wasteful else "ok",
        message=f"the file has {_megabytes(pages * page_size)}, of which {_megabytes(free * page_size)} are free",
        hint="VACUUM the file while nothing works on it" if wasteful else "",
        details={"bytes": pages * page_size, "free_bytes": free * page_size},
    )


def _durability(connection: sqlite3.Connection) -> Finding:
    mode = str(_pragma(connection, "journal_mode"))
    synchronous = _SYNCHRONOUS[int(_pragma(connection, "synchronous"))]
    lasting = mode == "wal" and synchronous in ("full", "extra")
    return Finding(
        check="durability",
        status="ok" if lasting else "warn",
        message=f"journal_mode is {mode}, synchronous is {synchronous}",
        hint=""
        if lasting
        else "the last commits are lost when the machine (not the process) crashes; open it with synchronous=full",
        details={"journal_mode": mode, "synchronous": synchronous},
    )


def _pragma(connection: sqlite3.Connection, name: str) -> Any:
    return connection.execute(f"pragma {name}").fetchone()[0]


def _megabytes(size: int) -> str:
    return f"{size / _MEGABYTE:.1f} MB"
