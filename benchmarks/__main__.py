"""`make bench`: measure, print the table, write everything as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.cases import CASES
from benchmarks.conditions import Neighbours, fsync_microseconds, machine
from benchmarks.environments import PEERS
from benchmarks.figures import Figure
from benchmarks.session import Session, tell
from benchmarks.stores import Stores
from benchmarks.table import conditions_text, ratios, rendered


def main() -> None:
    """Run the chosen cases; a case that fails is reported and leaves the others alone."""
    chosen = _arguments()
    figures: list[Figure] = []
    failures: dict[str, str] = {}
    began = time.monotonic()
    with Stores() as stores, Neighbours() as neighbours:
        session = Session(stores, chosen.scale, chosen.rounds, with_peers=not chosen.no_peers)
        probe = partial(fsync_microseconds, stores.folder, 0.3 * min(chosen.scale, 1) + 0.01)
        fsyncs = [probe()]
        for name in chosen.only:
            tell(name)
            try:
                figures += CASES[name](session)
            except Exception:  # noqa: BLE001  # whatever it was, the other cases can still be measured
                failures[name] = traceback.format_exc()
                tell(failures[name])
            fsyncs.append(probe())
        conditions: dict[str, Any] = {
            **machine(),
            "postgresql": stores.version(),
            "peers": [requirement for peer in PEERS.values() for requirement in peer] if session.with_peers else "none",
            "fsync_microseconds": sorted(fsyncs)[len(fsyncs) // 2],
            **neighbours.report(),
            "rounds": chosen.rounds,
            "scale": chosen.scale,
            "minutes": (time.monotonic() - began) / 60,
        }
    print(rendered(figures), conditions_text(conditions), sep="\n\n")
    if chosen.json is not None:
        _write(chosen.json, conditions, figures, session, failures)
    if failures:
        sys.exit(f"could not be measured: {', '.join(failures)}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=list(CASES), help=f"some of: {', '.join(CASES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full sizes; 0.05 is a smoke test")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    parser.add_argument("--no-peers", action="store_true", help="measure ours alone")
    parser.add_argument("--json", type=Path, help="also write everything here")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    names = text.replace(",", " ").split()
    for name in names:
        if name not in CASES:
            raise argparse.ArgumentTypeError(f"there is no case {name!r}; choose from {', '.join(CASES)}")
    return names


def _write(
    path: Path, conditions: dict[str, Any], figures: list[Figure], session: Session, failures: dict[str, str]
) -> None:
    report = {
        "conditions": conditions,
        "ratios": ratios(figures),
        "figures": [_as_json(figure) for figure in figures],
        "failures": failures,
        "samples": session.samples,
    }
    path.write_text(json.dumps(report, indent=1) + "\n")


def _as_json(figure: Figure) -> dict[str, Any]:
    target = figure.target
    return {
        "key": figure.key,
        "what": figure.what,
        "ours": figure.ours,
        "other": figure.other,
        "other_is": figure.other_is,
        "value": figure.value,
        "by_round": figure.by_round,
        "unit": figure.unit,
        "goal": target and target.goal,
        "floor": target and target.floor,
        "higher_is_better": target and target.higher,
        "verdict": figure.verdict,
        "note": figure.note,
    }


if __name__ == "__main__":
    main()
