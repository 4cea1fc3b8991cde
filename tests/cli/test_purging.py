"""`squidie purge`."""

from __future__ import annotations

import pytest

from squidie_core import PurgedError, Snapshot, Squidie
from tests.cli.command import Command, Inside
from tests.runtime.waiting import eventually


@pytest.fixture
def over(host: Squidie, paused: Snapshot) -> Snapshot:
    """A run that was cancelled before this millisecond."""
    cancelled = host.cancel(paused)
    eventually(lambda: host.store.clock.now() > host.store.state(cancelled.id).last_at)
    return cancelled


class TestPurge:
    def test_forgets_runs_that_ended_so_long_ago(
        self, squidie: Command, url: str, host: Squidie, over: Snapshot
    ) -> None:
        assert squidie("purge", "--before", "1h", "--url", url).out.startswith("purged 0 runs that ended before 20")
        done = squidie("purge", "--before", "0s", "--url", url)
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith("purged 1 runs that ended before 20")
        with pytest.raises(PurgedError):
            host.inspect_run(over)
        shown = squidie("inspect", over.id, "--url", url)
        assert (shown.code, shown.err.partition(":")[0]) == (3, "error [purged]")

    def test_only_counts_where_that_is_asked(self, inside: Inside, url: str, over: Snapshot, host: Squidie) -> None:
        document = inside("purge", "--before", "0s", "--dry-run", "--json", "--url", url).document
        assert (document["dry_run"], document["runs"], document["tombstones"]) == (True, 1, 0)
        assert inside("purge", "--before", "0s", "--dry-run", "--url", url).out.startswith("would purge 1 runs")
        assert host.inspect_run(over).status == "cancelled"

    @pytest.mark.usefixtures("over")
    def test_keeps_to_statuses_moments_and_limits(self, inside: Inside, url: str) -> None:
        def purged(*arguments: str) -> int:
            runs: int = inside("purge", "--json", "--url", url, *arguments).document["runs"]
            return runs

        assert purged("--before", "0s", "--status", "completed", "--status", "failed") == 0
        assert purged("--before", "2020-01-31T00:00:00Z") == 0
        assert purged("--before", "999999999d") == 0
        assert purged("--before", "0s", "--status", "cancelled", "--limit", "1") == 1

    def test_forgets_that_it_forgot(self, inside: Inside, url: str, host: Squidie, over: Snapshot) -> None:
        inside("purge", "--before", "0s", "--remember-for", "0s", "--url", url)
        inside("purge", "--before", "0s", "--url", url)
        assert host.store.storage.tombstones([over.id]) == {}

    @pytest.mark.parametrize(
        "arguments",
        [
            (),
            ("--before", "yesterday"),
            ("--before", "2020-01-31T00:00:00"),
            ("--before", "1h", "--status", "running"),
            ("--before", "1h", "--remember-for", "long"),
        ],
    )
    def test_refuses_what_cannot_be(self, inside: Inside, url: str, host: Squidie, arguments: tuple[str, ...]) -> None:
        assert host.list_runs().runs == ()
        done = inside("purge", "--url", url, *arguments)
        assert done.code == 2
        assert done.err.startswith("error [")
