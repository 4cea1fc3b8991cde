"""One benchmark: its stores, its size, and what it has measured so far."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from benchmarks.children import turn
from benchmarks.environments import python_of
from benchmarks.stores import Stores


@dataclass(slots=True)
class Session:
    """What every case is given."""

    stores: Stores
    scale: float = 1.0
    number_of_rounds: int = 5
    with_peers: bool = True
    samples: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """Everything that was measured, by side, one item a turn."""
    _used: set[str] = field(default_factory=set[str])
    """Peers' stores that are set up."""

    def sized(self, full: int, least: int = 1) -> int:
        """A number of runs at this benchmark's scale."""
        return max(int(full * self.scale), least)

    def rounds(self) -> Iterator[int]:
        """Number the rounds; in each of them every side has its turn."""
        return iter(range(self.number_of_rounds))

    def keep(self, side: str, sample: dict[str, Any]) -> dict[str, Any]:
        """Remember a turn's result."""
        self.samples.setdefault(side, []).append(sample)
        return sample

    def values(self, side: str, name: str) -> list[float]:
        """One measured value of all turns of a side."""
        return [sample[name] for sample in self.samples.get(side, ())]

    def peer_turn(self, peer: str, kind: str, url: str, measure: str, runs: int) -> dict[str, Any]:
        """A turn of a peer, kept under its name, store and measure."""
        given = {
            "url": url,
            "runs": runs,
            "measure": measure,
            "first": url not in self._used,
            "server": self.stores.server_pid(kind),
        }
        result = turn(f"peers.{peer}_side", given, python=python_of(peer))
        self._used.add(url)
        return self.keep(f"{peer}_{kind}_{measure}", result)

    def peers_stores(self, case: str, peers: Iterable[str]) -> dict[str, str]:
        """An empty PostgreSQL database for each peer; none where peers are left out."""
        if not self.with_peers:
            return {}
        return {peer: self.stores.empty("postgresql", f"{case}_{peer}") for peer in peers}


def tell(text: str) -> None:
    """A line of progress."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
