"""An adapter against the bare client of its store: appends and claims, alone and many at a time."""

from __future__ import annotations

from benchmarks.children import turn
from benchmarks.figures import Figure, against
from benchmarks.session import Session

STORES = {"postgresql": ("PostgreSQL", "psycopg"), "sqlite": ("SQLite", "sqlite3"), "dynamodb": ("DynamoDB", "boto3")}
RUNS = {"postgresql": 512, "sqlite": 512, "dynamodb": 256}
"""In each of a process's turns of a side."""
TURNS = 4
MEASURED = {
    "append": ("p50 of an append", "p50_ms", "ms"),
    "claim": ("p50 of a claim", "p50_ms", "ms"),
    "append_group": ("appends/s in groups of 32", "per_second", "/s"),
    "claim_group": ("claims/s, 32 at a time", "per_second", "/s"),
}


def postgresql_calls(session: Session) -> list[Figure]:
    """Psycopg."""
    return _calls(session, "postgresql")


def sqlite_calls(session: Session) -> list[Figure]:
    """sqlite3."""
    return _calls(session, "sqlite")


def dynamodb_calls(session: Session) -> list[Figure]:
    """boto3, at an emulator in memory: what the client costs, not what DynamoDB's network does."""
    return _calls(session, "dynamodb")


def _calls(session: Session, kind: str) -> list[Figure]:
    url = session.stores.ours(kind, "calls")
    turns = session.sized(TURNS)
    for _ in session.rounds():
        told = turn("ours.store_calls", {"url": url, "runs": session.sized(RUNS[kind]), "turns": turns})
        for side in ("ours", "bare"):
            flat = {f"{what}_{name}": value for what, found in told[side].items() for name, value in found.items()}
            session.keep(f"{side}_{kind}_calls", flat)
    store, client = STORES[kind]
    figures: list[Figure] = []
    for call, (what, measured, unit) in MEASURED.items():
        ours, bare = (session.values(f"{side}_{kind}_calls", f"{call}_{measured}") for side in ("ours", "bare"))
        figures.append(against(f"{kind}_{call}_vs_bare", f"{what}, {store}", ours, bare, client, unit=unit))
    return figures
