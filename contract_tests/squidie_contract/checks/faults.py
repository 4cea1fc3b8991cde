"""Connections that break, and clients that die."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from squidie_contract.checks.clients import CALLS
from squidie_contract.checks.contract import StorageClauses
from squidie_contract.engine.appends import append, commits_of, due_ids, stored, write
from squidie_contract.engine.line import Fault, Line
from squidie_contract.engine.texts import texts_of
from squidie_contract.engine.worlds import World, Worlds
from squidie_contract.wire import Died
from squidie_core.errors import Outcome, Unavailable
from squidie_core.journal.commit import COMMITTED, NO_HEAD, Commit, Head
from squidie_core.ports.storage import Storage

THREADS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Trouble:
    """A commit to these threads, what happens at which of its round trips, and how often from there on."""

    threads: Sequence[str]
    fault: Fault
    at: int
    times: int


troubles = st.lists(
    st.builds(
        Trouble,
        threads=st.lists(st.sampled_from(THREADS), min_size=1, max_size=3, unique=True),
        fault=st.sampled_from(Fault),
        at=st.integers(0, 2),
        times=st.sampled_from([1, 1, 2, 100]),
    ),
    min_size=1,
    max_size=4,
)


@dataclass(frozen=True, slots=True)
class Lost:
    """A commit whose answer did not come, and what the client was told: `died` where it could be told nothing."""

    commit: Commit
    outcome: Outcome | None
    heads: dict[str, Head]
    """As they were before."""


class FaultsClauses(StorageClauses):
    """Faults: J8, J9, E1 to E3."""

    def test_j8_a_commit_without_an_answer_took_effect_wholly_or_not_at_all(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.races)
        @given(plan=troubles)
        def attempt(plan: list[Trouble]) -> None:
            with worlds.example() as world:
                for lost, observer in _lost_answers(world, plan):
                    stand = [
                        one.thread_id for one in lost.commit.appends if stored(one) in observer.read(one.thread_id)
                    ]
                    assert len(stand) in {0, len(lost.commit.appends)}, f"only {stand} took effect"
                    heads = {key: status.head for key, status in observer.heads(THREADS).items()}
                    after = {one.thread_id: one.head for one in lost.commit.appends}
                    assert heads in (lost.heads, lost.heads | after)

        attempt()

    def test_j9_resubmitting_what_had_no_answer_finds_out_and_writes_once(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.races)
        @given(plan=troubles)
        def attempt(plan: list[Trouble]) -> None:
            with worlds.example() as world:
                for lost, observer in _lost_answers(world, plan):
                    assert list(observer.commit([lost.commit])) == [COMMITTED]
                    assert list(observer.commit([lost.commit])) == [COMMITTED]
                    for one in lost.commit.appends:
                        assert commits_of(observer, one.thread_id).count(stored(one)) == 1
                        assert observer.heads([one.thread_id])[one.thread_id].head == one.head

        attempt()

    def test_e3_what_is_said_to_have_had_no_effect_had_none(self, worlds: Worlds) -> None:
        @worlds.trying(worlds.profile.races)
        @given(plan=troubles)
        def attempt(plan: list[Trouble]) -> None:
            with worlds.example() as world:
                for lost, observer in _lost_answers(world, plan):
                    if lost.outcome == "none":
                        heads = {key: status.head for key, status in observer.heads(THREADS).items()}
                        assert heads == lost.heads

        attempt()

    def test_e1_every_method_is_unavailable_while_the_store_cannot_be_reached(self, world: World) -> None:
        line = Line()
        storage = world.storage(line)
        write(storage, append("t"))
        line.down = True
        answered: list[str] = []
        for name, call in CALLS.items():
            if name == "clock" and storage.capabilities.local_clock:
                continue
            with suppress(Unavailable):
                call(storage)
                answered.append(name)
        assert answered == []

    def test_e1_a_client_works_again_when_the_store_is_back(self, world: World) -> None:
        line = Line()
        storage = world.storage(line)
        one = append("t")
        write(storage, one)
        line.down = True
        with suppress(Unavailable):
            storage.heads(["t"])
        line.heal()
        write(storage, append("t", one.head))
        assert due_ids(storage) == ["t"]

    def test_e2_no_text_holds_a_credential(self, world: World) -> None:
        line = Line()
        storage = world.bare_storage(line)
        texts = [repr(storage), str(storage), repr(storage.capabilities)]
        line.down = True
        for call in CALLS.values():
            try:
                call(storage)
            except Unavailable as error:
                texts += texts_of(error)
        assert [text for text in texts for secret in world.harness.secrets if secret in text] == []


def _lost_answers(world: World, plan: Sequence[Trouble]) -> Iterator[tuple[Lost, Storage]]:
    """Commit as planned; each commit that had no answer, and a client that nothing happens to.

    What comes after it is committed at the heads that are there then.
    """
    observer = world.storage(name="observer")
    line = Line(tell=world.trail.tell)
    client = world.storage(line, name="client")
    for trouble in plan:
        heads = {key: status.head for key, status in observer.heads(THREADS).items()}
        commit = Commit(tuple(append(key, heads.get(key, NO_HEAD), key, "again") for key in trouble.threads))
        line.fault_from(trouble.at, trouble.fault, times=trouble.times)
        try:
            results = client.commit([commit])
        except Unavailable as error:
            yield Lost(commit, error.outcome, heads), observer
        except Died:
            yield Lost(commit, None, heads), observer
            line = Line(tell=world.trail.tell)
            client = world.storage(line, name="next client")
        else:
            assert list(results) == [COMMITTED]
        line.heal()
