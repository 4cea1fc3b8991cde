"""The history checker knows what cannot have happened, and finds nothing in what can."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from squidie_contract.engine.appends import append, stored
from squidie_contract.engine.history import History, Outcome, Saw, Wrote, anomalies
from squidie_core.journal.commit import NO_HEAD, Append, StoredCommit

ONE = append("t")
TWO = append("t", ONE.head, "second", "and third")
THREE = append("t", TWO.head)
RIVAL = append("t", ONE.head, "rival")
CHAIN = [stored(one) for one in (ONE, TWO, THREE)]


def wrote(one: Append, start: float, end: float, outcome: Outcome = "committed") -> Wrote:
    return Wrote("me", one, outcome, start, end)


def saw(count: int, start: float, end: float) -> Saw:
    return Saw("you", CHAIN[:count], start, end)


ALL_WRITTEN = [wrote(ONE, 1, 2), wrote(TWO, 3, 4), wrote(THREE, 5, 6)]


def kinds(wrote: Sequence[Wrote], saw: Sequence[Saw] = (), final: Sequence[StoredCommit] = CHAIN) -> list[str]:
    return [found.kind for found in anomalies(History(list(wrote), list(saw)), final)]


class TestWhatCanHappen:
    def test_one_after_the_other(self) -> None:
        assert kinds(ALL_WRITTEN, [saw(0, 0, 0.5), saw(1, 2, 3), saw(3, 7, 8)]) == []

    def test_reading_while_it_is_written(self) -> None:
        assert kinds(ALL_WRITTEN, [saw(1, 3.1, 3.9), saw(2, 3.2, 3.8)]) == []

    @pytest.mark.parametrize("outcome", ["conflict", "busy", "refused", "none", "unknown"])
    def test_a_rival_that_is_not_there(self, outcome: Outcome) -> None:
        assert kinds([*ALL_WRITTEN, wrote(RIVAL, 3, 4, outcome)]) == []

    @pytest.mark.parametrize("first", ["unknown", "busy", "none"])
    def test_submitting_again(self, first: Outcome) -> None:
        again = [wrote(ONE, 1, 2), wrote(TWO, 3, 4, first), wrote(TWO, 5, 6), wrote(TWO, 9, 10), wrote(THREE, 7, 8)]
        assert kinds(again) == []

    def test_an_unknown_outcome_that_took_effect_late(self) -> None:
        assert kinds([wrote(ONE, 1, 2), wrote(TWO, 3, 4, "unknown"), wrote(THREE, 9, 10)], [saw(1, 5, 6)]) == []


class TestWhatCannot:
    @pytest.mark.parametrize(
        ("kind", "wrote", "saw", "final"),
        [
            ("lost", ALL_WRITTEN, [], CHAIN[:2]),
            ("torn", ALL_WRITTEN, [], [*CHAIN[:2], replace(CHAIN[2], body="[]")]),
            ("phantom", ALL_WRITTEN[:2], [], CHAIN),
            ("duplicate", ALL_WRITTEN, [], [*CHAIN, replace(CHAIN[2], rev=5, previous=THREE.commit_id)]),
            ("gap", ALL_WRITTEN, [], [CHAIN[0], replace(CHAIN[1], rev=3), CHAIN[2]]),
            ("broken chain", ALL_WRITTEN, [], [CHAIN[0], replace(CHAIN[1], previous=7), CHAIN[2]]),
            ("conflict with effect", [*ALL_WRITTEN[:2], wrote(THREE, 5, 6, "conflict")], [], CHAIN),
            ("conflict with effect", [*ALL_WRITTEN, wrote(THREE, 7, 8, "conflict")], [], CHAIN),
            ("busy with effect", [*ALL_WRITTEN[:2], wrote(THREE, 5, 6, "busy")], [], CHAIN),
            ("refused with effect", [*ALL_WRITTEN[:2], wrote(THREE, 5, 6, "refused")], [], CHAIN),
            ("none with effect", [*ALL_WRITTEN[:2], wrote(THREE, 5, 6, "none")], [], CHAIN),
            ("spurious conflict", [*ALL_WRITTEN[:1], wrote(RIVAL, 2.1, 2.9, "conflict"), *ALL_WRITTEN[1:]], [], CHAIN),
            ("busy though decided", [*ALL_WRITTEN, wrote(RIVAL, 7, 8, "busy")], [], CHAIN),
            ("stale read", ALL_WRITTEN, [saw(1, 4.5, 4.6)], CHAIN),
            ("stale read", ALL_WRITTEN, [saw(2, 3.1, 3.2), saw(1, 3.3, 3.4)], CHAIN),
            ("time travel", ALL_WRITTEN, [saw(2, 2.1, 2.9)], CHAIN),
            ("time travel", [wrote(ONE, 5, 6), wrote(TWO, 1, 2), wrote(THREE, 7, 8)], [], CHAIN),
            ("no prefix", ALL_WRITTEN, [Saw("you", CHAIN[1:], 7, 8)], CHAIN),
        ],
    )
    def test_is_found_and_named(self, kind: str, wrote: list[Wrote], saw: list[Saw], final: list[StoredCommit]) -> None:
        assert kind in kinds(wrote, saw, final)

    def test_two_that_expected_one_head_cannot_both_be_accepted(self) -> None:
        first, second = append("t", NO_HEAD), append("t", NO_HEAD)
        both = [wrote(first, 1, 2), wrote(second, 1, 2)]
        forced = [stored(first), replace(stored(second), rev=2, previous=first.commit_id)]
        assert "torn" in kinds(both, (), forced)
        assert "lost" in kinds(both, (), forced[:1])
