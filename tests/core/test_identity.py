"""Ids and digests."""

from __future__ import annotations

import hashlib
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from squidie_core.journal.identity import (
    deferrals,
    deferred_key,
    derived_id,
    digest,
    is_deferred_key,
    run_id_at,
    runnable_key,
)
from tests.core.journal_values import QUICK, plain_values

milliseconds = st.integers(0, 2**48 - 1)
randoms = st.integers(0, 2**74 - 1)
parts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4)


class TestNewIds:
    @QUICK
    @given(now=milliseconds, random=randoms)
    def test_have_the_fields_of_uuid_version_7(self, now: int, random: int) -> None:
        text = run_id_at(now, random)
        made = UUID(text)
        assert str(made) == text
        assert made.version == 7
        assert made.variant == RFC_4122
        assert made.int >> 80 == now
        assert (made.int >> 64 & 0xFFF) << 62 | made.int & (2**62 - 1) == random

    def test_are_those_of_the_example_in_the_rfc(self) -> None:
        rand_a, rand_b = 0xCC3, 0x18C4DC0C0C07398F
        assert run_id_at(0x017F22E279B0, rand_a << 62 | rand_b) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"

    @QUICK
    @given(first=st.tuples(milliseconds, randoms), second=st.tuples(milliseconds, randoms))
    def test_are_in_the_order_of_their_times(self, first: tuple[int, int], second: tuple[int, int]) -> None:
        assert (run_id_at(*first) < run_id_at(*second)) == (first < second)

    @QUICK
    @given(now=milliseconds, random=st.integers(0, 2**128))
    def test_take_no_more_randomness_than_they_hold(self, now: int, random: int) -> None:
        assert run_id_at(now, random) == run_id_at(now, random % 2**74)


class TestDerivedIds:
    @QUICK
    @given(some=parts, other=parts)
    def test_differ_exactly_where_the_parts_do(self, some: list[str], other: list[str]) -> None:
        assert (derived_id(*some) == derived_id(*other)) == (some == other)

    @pytest.mark.parametrize(
        ("some", "other"),
        [
            (["a", "b"], ["a|1:b"]),
            (["ab", "c"], ["a", "bc"]),
            (["a", ""], ["a"]),
            ([""], ["", ""]),
            (["1:a"], ["a"]),
            (["a", "b"], ["b", "a"]),
            (["\u00e9"], ["e\u0301"]),
        ],
    )
    def test_tell_apart_what_is_alike(self, some: list[str], other: list[str]) -> None:
        assert derived_id(*some) != derived_id(*other)

    @QUICK
    @given(some=parts)
    def test_have_the_version_and_variant_of_name_based_uuids(self, some: list[str]) -> None:
        made = UUID(derived_id(*some))
        assert made.version == 5
        assert made.variant == RFC_4122

    def test_are_the_hash_of_the_parts_with_their_lengths(self) -> None:
        raw = hashlib.sha256("2:\u00e9|0:".encode()).digest()
        made = UUID(derived_id("\u00e9", "")).bytes
        assert made[:6] == raw[:6]
        assert made[9:] == raw[9:16]

    def test_never_change(self) -> None:
        assert derived_id("default", "ring-errand", "leave_shire", "one") == "f0160c56-96bb-56fb-a4cf-45db7e76c855"


class TestDigests:
    @QUICK
    @given(value=plain_values)
    def test_are_64_lower_case_hexadecimal_digits(self, value: object) -> None:
        assert len(digest(value)) == 64
        assert int(digest(value), 16) >= 0
        assert digest(value) == digest(value).lower()

    def test_do_not_depend_on_the_order_of_keys(self) -> None:
        assert digest({"a": {"x": 1, "y": [1, 2]}, "b": 2}) == digest({"b": 2, "a": {"y": [1, 2], "x": 1}})

    def test_are_of_the_canonical_text(self) -> None:
        assert digest({"b": 1, "a": "\u00e9"}) == hashlib.sha256(rb'{"a":"\u00e9","b":1}').hexdigest()

    @pytest.mark.parametrize(
        ("some", "other"), [(1, True), (1, "1"), ([1, 2], [2, 1]), (None, {}), ({}, []), (0, None)]
    )
    def test_tell_values_apart(self, some: object, other: object) -> None:
        assert digest(some) != digest(other)


class TestRunnableKeys:
    def test_name_the_visit_from_the_second_on(self) -> None:
        assert runnable_key("r", "cross", 1, 1) == "r:cross:1"
        assert runnable_key("r", "cross", 1, 3) == "r:cross:3"
        assert runnable_key("r", "cross", 2, 1) == "r:cross#2:1"

    @pytest.mark.parametrize("key", ["r:cross:1", "r:cross#2:3", "r:deferred:1", "r:deferred#2:1", "r:deferred_:1"])
    def test_tell_how_often_they_were_deferred(self, key: str) -> None:
        assert (deferrals(key), is_deferred_key(key)) == ((key, 0), False)
        for times, expected in enumerate((f"{key}:deferred", f"{key}:deferred#2", f"{key}:deferred#3"), 1):
            assert (deferrals(expected), is_deferred_key(expected)) == ((key, times), True)
            assert deferred_key(expected) == f"{key}:deferred#{times + 1}"
        assert deferred_key(key) == f"{key}:deferred"
