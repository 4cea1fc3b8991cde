"""A checkpoint saves time, and nothing that anyone can observe depends on it."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.journal.commit import Checkpoint, Head
from squidie_core.journal.entries import Entry, Runnable, RunnablesPlanned, RunStarted
from squidie_core.state import FOLD_VERSION, RunState, fold
from squidie_core.state.checkpoint import restore, save, seal, unseal
from tests.core.journal_values import QUICK, THOROUGH, entries
from tests.core.runs import visible

started = RunStarted(
    1,
    run_id="r",
    workflow="w",
    trigger="t",
    input={"x": 1},
    definition="0" * 64,
    queue="default",
    priority=5,
    payload_digest="1" * 64,
    tags=("x",),
)


def committed(*items: Entry) -> RunState:
    state = fold(RunState("r"), (started, RunnablesPlanned(2, (Runnable("r:a:1", "a", 2),)), *items))
    state.head = Head(state.rev, 77)
    return state


class TestCheckpoint:
    @THOROUGH
    @given(items=st.lists(entries, max_size=25))
    def test_gives_back_the_state(self, items: list[Entry]) -> None:
        state = committed(*items)
        before = visible(state)
        again = restore("r", save(state))
        assert again is not None
        assert visible(again) == before == visible(state)
        assert again.head == state.head

    @QUICK
    @given(items=st.lists(entries, max_size=15), more=st.lists(entries, max_size=15))
    def test_goes_on_like_the_state_that_was_saved(self, items: list[Entry], more: list[Entry]) -> None:
        state = committed(*items)
        again = restore("r", save(deepcopy(state)))
        assert again is not None
        assert visible(fold(again, more)) == visible(fold(state, more))

    def test_of_another_fold_version_is_not_used(self) -> None:
        assert restore("r", replace(save(committed()), fold_version=FOLD_VERSION + 1)) is None

    def test_under_another_head_is_not_used(self) -> None:
        assert restore("r", replace(save(committed()), head=Head(99, 77))) is None

    @pytest.mark.parametrize(
        "body", ["", "null", "[]", "{}", "5", '"x"', "[" * 100_000, '{"rev":2}', '{"runnables":5,"rev":2}']
    )
    def test_that_cannot_be_read_is_not_used(self, body: str) -> None:
        for text in (body, seal(body)):
            assert restore("r", Checkpoint(Head(2, 77), FOLD_VERSION, text)) is None

    @QUICK
    @given(data=st.data())
    def test_with_a_damaged_character_is_not_used(self, data: st.DataObject) -> None:
        """Most damage leaves valid JSON that says something else."""
        checkpoint = save(committed())
        place = data.draw(st.integers(0, len(checkpoint.body) - 1))
        other = data.draw(st.characters().filter(lambda one: one != checkpoint.body[place]))
        damaged = f"{checkpoint.body[:place]}{other}{checkpoint.body[place + 1 :]}"
        assert restore("r", replace(checkpoint, body=damaged)) is None

    @QUICK
    @given(data=st.data())
    def test_with_a_part_missing_is_not_used(self, data: st.DataObject) -> None:
        checkpoint = save(committed())
        plain = json.loads(unseal(checkpoint.body))
        del plain[data.draw(st.sampled_from(sorted(plain)))]
        assert restore("r", replace(checkpoint, body=seal(json.dumps(plain)))) is None
