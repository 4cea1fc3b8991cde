"""Deliveries in real servers, by the server's clock and over real processes."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from squidie_core.errors import LeaseError, OptionError, StorageError, Unavailable
from squidie_core.memory import MemoryStorage
from squidie_core.plugins import open_plugin
from squidie_core.ports import LeaseBackend
from squidie_core.ports.leases import Delivery
from squidie_leases_redis import RedisLeases, hinted, open_leases, open_notifier
from tests.leases_redis.conftest import OpenLeases
from tests.leases_redis.flows import Trail
from tests.leases_redis.processes import Process, Processes
from tests.leases_redis.wire import Relay, redis_client
from tests.runtime.waiting import eventually
from tests.servers import Redis

HOUR = 3_600_000


def claim(leases: LeaseBackend, *, lease_for: int = HOUR) -> Delivery:
    (one,) = eventually(lambda: leases.claim("q", owner_id="me", lease_for=lease_for))
    return one


class TestTime:
    """It is the server's, so what the server says of leases can be compared with what it says later."""

    def test_a_lease_lapses_by_the_servers_clock(self, url: str, leases: OpenLeases) -> None:
        one = leases(url)
        one.enqueue("q", {})
        first = claim(one, lease_for=50)
        second = claim(leases(url))
        assert second.lease_until - HOUR >= first.lease_until
        assert (second.attempt, second.token > first.token) == (2, True)

    def test_a_delayed_delivery_waits_by_the_servers_clock(self, url: str, leases: OpenLeases) -> None:
        one = leases(url)
        one.enqueue("q", {}, delay=HOUR)
        one.enqueue("q", {"now": True})
        made = claim(one)
        assert (made.payload, list(one.claim("q", owner_id="me", lease_for=1))) == ({"now": True}, [])
        one.fail(made, reason="r", retry_in=50)
        again = claim(one)
        assert again.lease_until >= made.lease_until + 50

    def test_tokens_grow_through_a_wipe(self, server: Redis, leases: OpenLeases) -> None:
        """A holder from before must not be taken for one from after."""
        one = leases(server.url)
        one.enqueue("q", {}, delivery_id="a")
        before = claim(one)
        server.wipe()
        one.enqueue("q", {}, delivery_id="a")
        after = claim(one)
        assert after.token > before.token
        with pytest.raises(LeaseError):
            one.complete(before)
        one.complete(after)


def _let_loose(takers: Sequence[Process]) -> None:
    """Let each of them take something before any goes on."""
    for taker in takers:
        taker.go_on()
        assert taker.line() == "taken"
    for taker in takers:
        taker.go_on()


class TestOverProcesses:
    def test_a_delivery_is_in_one_hand_at_a_time(
        self, url: str, leases: OpenLeases, processes: Processes, tmp_path: Path
    ) -> None:
        one = leases(url)
        for number in range(300):
            one.enqueue("q", {}, delivery_id=str(number))
        trail = tmp_path / "trail"
        takers = [processes.start("take", url, f"o{number}", 2_000, trail) for number in range(3)]
        _let_loose(takers)
        eventually(lambda: len(Trail(trail).lines()) >= 300)
        taken = [line.split() for line in Trail(trail).lines()]
        assert sorted(int(name) for name, *_ in taken) == list(range(300))
        assert len({token for _, token, _ in taken}) == 300
        assert len({owner for *_, owner in taken}) == 3

    def test_what_a_killed_holder_had_is_taken_by_another(
        self, url: str, leases: OpenLeases, processes: Processes
    ) -> None:
        one = leases(url)
        one.enqueue("q", {"n": 1})
        holder = processes.start("hold", url, 200)
        token = int(holder.line())
        holder.kill()
        again = claim(one)
        assert (again.attempt, again.token > token, again.payload) == (2, True, {"n": 1})

    def test_a_paused_holder_comes_too_late_with_everything(
        self, url: str, leases: OpenLeases, processes: Processes
    ) -> None:
        one = leases(url)
        one.enqueue("q", {})
        holder = processes.start("hold", url, 100)
        holder.line()
        holder.pause()
        mine = claim(one)
        holder.resume()
        holder.go_on()
        assert holder.rest() == ["lease"] * 3
        one.complete(mine)

    def test_a_paused_holder_whose_lease_ran_out_is_refused_though_nobody_else_came(
        self, url: str, leases: OpenLeases, processes: Processes
    ) -> None:
        one = leases(url)
        one.enqueue("q", {})
        holder = processes.start("hold", url, 100)
        holder.line()
        one.enqueue("later", {}, delay=100)
        eventually(lambda: one.claim("later", owner_id="me", lease_for=HOUR))
        holder.go_on()
        assert holder.rest() == ["lease"] * 3


class TestOutages:
    def test_every_delivery_is_made_though_the_server_is_killed_and_holders_too(
        self, server: Redis, leases: OpenLeases, processes: Processes, tmp_path: Path
    ) -> None:
        """With a server that writes to its disk; what was taken twice was taken with another token."""
        one = leases(server.url)
        for number in range(400):
            one.enqueue("q", {}, delivery_id=str(number))
        trail = Trail(tmp_path / "trail")
        takers = [processes.start("take", server.url, f"o{number}", 300, tmp_path / "trail") for number in range(3)]
        _let_loose(takers)
        for goal in (60, 160, 260):
            eventually(partial(_has_lines, trail, goal))
            server.kill()
            server.start()
        takers[0].kill()
        eventually(lambda: set(map(str, range(400))) <= {line.split()[0] for line in trail.lines()})
        for taker in takers[1:]:
            taker.rest()
        tokens = Counter(line.split()[1] for line in trail.lines() if not line.startswith("-"))
        assert set(tokens.values()) == {1}
        assert list(one.claim("q", owner_id="me", lease_for=1)) == []

    def test_a_client_goes_on_when_its_server_is_back(self, server: Redis, leases: OpenLeases) -> None:
        one = leases(server.url)
        one.enqueue("q", {"n": 1})
        server.kill()
        with pytest.raises(Unavailable) as caught:
            one.claim("q", owner_id="me", lease_for=HOUR)
        assert caught.value.code == "unavailable"
        server.start()
        assert claim(one).payload == {"n": 1}

    @pytest.mark.parametrize("program", ["valkey", "redis"])
    def test_a_primary_that_is_one_no_more_is_left(self, redis_6_url: str, leases: OpenLeases, program: str) -> None:
        """The name in the URL may lead to another by now."""
        del redis_6_url  # asked for so that a machine without a server skips
        demoted = Redis(program)
        try:
            one = leases(demoted.url)
            one.enqueue("q", {})
            client = redis_client(demoted.url)
            before = {each["id"] for each in client.client_list()}
            client.execute_command("REPLICAOF", "127.0.0.1", "1")
            with pytest.raises(Unavailable, match=r"READONLY|read only"):
                one.enqueue("q", {})
            client.execute_command("REPLICAOF", "NO", "ONE")
            one.enqueue("q", {})
            after = {each["id"] for each in client.client_list()}
            assert (len(before), len(before & after)) == (2, 1)
            client.close()
        finally:
            demoted.stop()

    def test_a_cluster_is_found_again(self, redis_cluster_url: str, leases: OpenLeases) -> None:
        del redis_cluster_url  # asked for so that a machine without a server skips
        cluster = Redis(nodes=2, durable=True)
        try:
            one = leases(cluster.url)
            for queue in ("a", "b", "c", "d"):
                one.enqueue(queue, {"queue": queue})
            cluster.kill()
            with pytest.raises(Unavailable):
                one.claim("a", owner_id="me", lease_for=HOUR)
            cluster.start()
            for queue in ("a", "b", "c", "d"):
                (made, *_) = eventually(partial(_claimed, one, queue))
                assert made.payload == {"queue": queue}
        finally:
            cluster.stop()

    def test_a_frozen_server_is_not_waited_for(self, server: Redis, leases: OpenLeases) -> None:
        one = leases(server.url, timeout=0.2)
        one.enqueue("q", {"n": 1})
        server.freeze()
        with pytest.raises(Unavailable, match="did not answer within 200 ms") as caught:
            one.claim("q", owner_id="me", lease_for=1)
        assert caught.value.outcome == "unknown"
        server.thaw()
        assert claim(one).payload == {"n": 1}

    def test_a_report_whose_answer_was_lost_took_effect_once(
        self, relay: Relay, leases: OpenLeases, valkey_url: str
    ) -> None:
        one = leases(relay.url)
        one.enqueue("q", {})
        one.complete(claim(one))  # the server may have to be told of the script first, and answers that too
        one.enqueue("q", {})
        mine = claim(one)
        relay.cut_answer()
        with pytest.raises(Unavailable) as caught:
            one.complete(mine)
        assert caught.value.outcome == "unknown"
        with pytest.raises(LeaseError):
            one.complete(mine)
        assert list(leases(valkey_url).claim("q", owner_id="you", lease_for=1)) == []

    def test_a_delivery_whose_payload_is_gone_is_dropped(self, valkey_url: str, home: str, leases: OpenLeases) -> None:
        """As when a server that may evict keys did so."""
        one = leases(valkey_url)
        one.enqueue("q", {"n": 1})
        client = redis_client(valkey_url)
        client.delete(f"squidie:{{{home}:q}}:payloads")
        client.close()
        one.enqueue("q", {"n": 2})
        assert [made.payload for made in one.claim("q", owner_id="me", lease_for=1, limit=9)] == [{"n": 2}]


def _has_lines(trail: Trail, count: int) -> bool:
    return len(trail.lines()) >= count


def _claimed(leases: RedisLeases, queue: str) -> list[Delivery]:
    try:
        return list(leases.claim(queue, owner_id="me", lease_for=1))
    except Unavailable:
        return []


class TestErrors:
    SECRET = "s3cr3t/?#@ x"
    QUOTED = "s3cr3t%2F%3F%23%40%20x"

    def spoken(self, act: Callable[[], object]) -> str:
        with pytest.raises(StorageError) as caught:
            act()
        error = caught.value
        return f"{error} {error!r} {json.dumps(dict(error.details))} {error.__cause__!r} {error.__context__!r}"

    def test_a_refused_login_does_not_tell_the_password(self, redis_url: str, leases: OpenLeases) -> None:
        del redis_url  # asked for so that a machine without a server skips
        guarded = Redis(password="right")
        try:
            address = f"127.0.0.1:{guarded.port}"
            for login in (f":{self.QUOTED}", f"frodo:{self.QUOTED}"):
                one = leases(f"redis://{login}@{address}")
                said = self.spoken(partial(one.claim, "q", owner_id="me", lease_for=1)) + repr(one)
                assert "login" in said
                assert "s3cr3t" not in said
            assert "login" in self.spoken(lambda: leases(f"redis://{address}").dead_letters("q"))
            leases(f"redis://:right@{address}").enqueue("q", {})
        finally:
            guarded.stop()

    @pytest.mark.parametrize("cluster", ["no", "yes"])
    def test_an_unreachable_server_does_not_tell_the_password(self, leases: OpenLeases, cluster: str) -> None:
        one = leases(f"redis://frodo:{self.QUOTED}@127.0.0.1:1/0?cluster={cluster}&password={self.QUOTED}")
        said = self.spoken(lambda: one.enqueue("q", {})) + repr(one)
        assert "cannot be reached" in said
        assert "s3cr3t" not in said

    def test_a_server_that_repeats_the_password_is_not_quoted(self, leases: OpenLeases) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                client, _ = listener.accept()
                with client:
                    while client.recv(4096):
                        client.sendall(b"-ERR what is s3cr3t/?#@ x\r\n" * 3)

            threading.Thread(target=answer, daemon=True).start()
            one = leases(f"redis://:{self.QUOTED}@127.0.0.1:{listener.getsockname()[1]}")
            said = self.spoken(lambda: one.enqueue("q", {}))
            one.close()
        assert "what is ***" in said
        assert "s3cr3t" not in said

    def test_a_server_that_is_full_is_unavailable(self, server: Redis, leases: OpenLeases) -> None:
        one = leases(server.url)
        client = redis_client(server.url)
        client.config_set("maxmemory", "1")
        client.close()
        with pytest.raises(Unavailable, match=r"OOM|maxmemory"):
            one.enqueue("q", {})

    def test_what_else_the_server_refuses_is_said(self, valkey_url: str, home: str, leases: OpenLeases) -> None:
        client = redis_client(valkey_url)
        client.set(f"squidie:{{{home}:q}}:payloads", "not a hash")
        client.close()
        with pytest.raises(StorageError, match="WRONGTYPE") as caught:
            leases(valkey_url).enqueue("q", {})
        assert caught.value.code == "refused"

    def test_a_priority_that_is_none_is_refused(self, leases: OpenLeases) -> None:
        with pytest.raises(OptionError, match="priority: must be an integer from 0"):
            leases("redis://127.0.0.1:1").enqueue("q", {}, priority=10)


@pytest.mark.parametrize("server_url", ["redis_url", "redis_6_url"])
def test_the_documented_rights_suffice(request: pytest.FixtureRequest, server_url: str, home: str) -> None:
    """The rule in the README is all that leases, hints and due hints need."""
    redis_url: str = request.getfixturevalue(server_url)
    page = Path(__file__).parents[2] / "squidie_leases_redis" / "README.md"
    found = re.search(r"^ACL SETUSER (\S+) on >(\S+) (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert found is not None
    user, password, rules = found.groups()
    admin = redis_client(redis_url)
    admin.execute_command("ACL", "SETUSER", user, "reset", "on", f">{password}", *rules.split())
    parts = urlsplit(redis_url)
    url = parts._replace(netloc=f"{user}:{password}@{parts.netloc}").geturl()
    one, hints = open_leases(url, namespace=home), open_notifier(url, namespace=home)
    try:
        one.enqueue("q", {}, delivery_id="a")
        one.fail(one.extend(claim(one), lease_for=HOUR), reason="r", retry_in=0)
        one.fail(claim(one), reason="r", retry_in=None)
        assert len(one.dead_letters("q")) == 1
        assert one.redeliver("q", "a")
        one.complete(claim(one))
        assert not one.discard("q", "a")
        hints.listen("q", lambda _: None)
        eventually(lambda: hints.working)
        storage = hinted(MemoryStorage(home), url)
        assert storage.due("q", offers=(), limit=1, reserve_for=0).runs == []
        assert storage.due("q", offers=(), limit=1, reserve_for=0).runs == []
        assert [finding.status for finding in storage.health()] == ["ok"]
        storage.close()
    finally:
        one.close()
        hints.close()
        admin.execute_command("ACL", "DELUSER", user)
        admin.close()


class TestOpening:
    def test_over_a_socket(self, server: Redis, leases: OpenLeases) -> None:
        one = leases(f"redis+unix://{server.socket}?db=3&namespace=n")
        one.enqueue("q", {"n": 1})
        assert claim(leases(f"redis://127.0.0.1:{server.port}/3", namespace="n")).payload == {"n": 1}

    def test_namespaces_and_prefixes_do_not_see_each_other(self, redis_url: str, home: str, leases: OpenLeases) -> None:
        for prefix, namespace in (("one", home), ("two", home), ("one", f"{home}.x")):
            leases(redis_url, prefix=prefix, namespace=namespace).enqueue("q", {"at": [prefix, namespace]})
        for prefix, namespace in (("one", home), ("two", home), ("one", f"{home}.x")):
            one = leases(redis_url, prefix=prefix, namespace=namespace)
            found = one.claim("q", owner_id="me", lease_for=1, limit=9)
            assert [made.payload for made in found] == [{"at": [prefix, namespace]}]

    @pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+unix"])
    def test_is_found_by_the_scheme(self, scheme: str) -> None:
        place = "/run/redis.sock" if scheme == "redis+unix" else "frodo:pw@shire:1/2"
        found = open_plugin("leases", f"{scheme}://{place}", {"namespace": "n"})
        assert isinstance(found, RedisLeases)
        assert isinstance(found, LeaseBackend)
        shown = "/run/redis.sock" if scheme == "redis+unix" else "frodo:***@shire:1/2"
        assert repr(found) == f"<RedisLeases {scheme}://{shown} namespace='n'>"

    def test_a_lease_is_a_value(self, valkey_url: str, leases: OpenLeases) -> None:
        one = leases(valkey_url)
        one.enqueue("q", {})
        mine = claim(one)
        with pytest.raises(LeaseError):
            one.complete(replace(mine, token=mine.token + 1))
        one.complete(replace(mine, owner_id="whoever knows the token"))
