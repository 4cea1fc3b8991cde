"""docs/contract.md says what the clauses say; that it tells what a session saw is in contract_tests/conftest.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from squidie_contract.clauses import CONTRACT
from squidie_contract.page import Results, page, results_of

PAGE = Path(__file__).parent.parent.parent / "docs" / "contract.md"
HINT = "run `make contract-page`"


@pytest.fixture(scope="module")
def results() -> Results:
    return results_of(json.loads(PAGE.with_suffix(".json").read_text("utf-8")))


def test_it_is_what_the_clauses_and_results_make_it(results: Results) -> None:
    assert PAGE.read_text("utf-8") == page(results), HINT


def test_every_chapter_that_an_adapter_was_held_to_is_there_whole(results: Results) -> None:
    for name, told in results.items():
        chapters = [chapter for chapter in CONTRACT if chapter.clauses[0].id in told]
        assert set(told) == {clause.id for chapter in chapters for clause in chapter.clauses}, f"{name}: {HINT}"


def test_no_adapter_has_anything_but_kept_promises_and_gaps_that_are_declared(results: Results) -> None:
    assert {result for told in results.values() for result in told.values()} <= {"kept", "gap", "not offered"}
