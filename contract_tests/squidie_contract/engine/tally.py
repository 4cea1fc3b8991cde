"""How much was tried, for the report."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Counted since this process began."""

    examples: int = 0
    """Programs that were run, each in a world of its own."""
    interleavings: int = 0
    """Those of them that several clients ran at once, in an order that was picked."""
    trips: int = 0
    """Round trips."""
    operations: int = 0
    """What free processes did."""

    def copy(self) -> Tally:
        """The counts as they are now."""
        return Tally(self.examples, self.interleavings, self.trips, self.operations)

    def since(self, earlier: Tally) -> dict[str, int]:
        """What was added after `earlier`."""
        return {
            "examples": self.examples - earlier.examples,
            "interleavings": self.interleavings - earlier.interleavings,
            "round_trips": self.trips - earlier.trips,
            "operations_of_free_processes": self.operations - earlier.operations,
        }


TALLY = Tally()
