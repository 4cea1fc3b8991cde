"""`rediss://`: the wheels' servers speak no TLS, so something stands before one, as stunnel or a load balancer does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from squidie_core.errors import OptionError, Unavailable
from squidie_core.memory import MemoryStorage
from squidie_leases_redis import hinted
from tests.leases_redis.conftest import OpenLeases, OpenNotifier
from tests.leases_redis.tls import Certificate, Terminator, certificate_for
from tests.runtime.waiting import eventually


@pytest.fixture
def certificate(tmp_path: Path) -> Certificate:
    return certificate_for("127.0.0.1", tmp_path)


@pytest.fixture
def terminator(redis_url: str, certificate: Certificate) -> Iterator[Terminator]:
    server = urlsplit(redis_url)
    made = Terminator((str(server.hostname), int(server.port or 6379)), certificate)
    yield made
    made.close()


@pytest.fixture
def url(terminator: Terminator, certificate: Certificate, home: str) -> str:
    """Give the URL of a namespace behind TLS, with the certificate to trust."""
    return f"rediss://127.0.0.1:{terminator.port}/0?namespace={home}&ssl_ca_certs={certificate.certificate}"


class TestBehindTls:
    def test_deliveries_are_made(self, leases: OpenLeases, url: str, terminator: Terminator) -> None:
        one = leases(url)
        one.enqueue("q", {"n": 1})
        (delivery,) = one.claim("q", owner_id="me", lease_for=60_000)
        assert delivery.payload == {"n": 1}
        one.complete(delivery)
        assert set(terminator.versions) <= {"TLSv1.2", "TLSv1.3"}
        assert terminator.versions

    def test_hints_are_heard(self, notifier: OpenNotifier, url: str) -> None:
        heard: list[int] = []
        listening, sending = notifier(url), notifier(url)
        listening.listen("q", heard.append)
        eventually(lambda: listening.working)
        sending.notify({"q": 3})
        eventually(lambda: 3 in heard)

    def test_due_hints_are_fed(self, url: str) -> None:
        trusting = url.replace("namespace=", "prefix=")
        storage = hinted(MemoryStorage(), trusting)
        (finding,) = [finding for finding in storage.health() if finding.check == "due_hints"]
        assert finding.status == "ok"
        storage.close()


class TestACertificateThatIsNotTrusted:
    def test_by_anybody_is_refused(self, leases: OpenLeases, url: str) -> None:
        with pytest.raises(Unavailable, match=r"(?i)certificate verify failed"):
            leases(url.partition("&")[0]).enqueue("q", {})

    def test_for_this_name_is_refused(self, leases: OpenLeases, url: str) -> None:
        with pytest.raises(Unavailable, match=r"(?i)certificate verify failed"):
            leases(url.replace("127.0.0.1", "localhost")).enqueue("q", {})

    def test_says_no_password(self, leases: OpenLeases, url: str) -> None:
        secret = "fr13nd-sp34k"
        with pytest.raises(Unavailable) as caught:
            leases(url.partition("&")[0].replace("rediss://", f"rediss://:{secret}@")).enqueue("q", {})
        assert secret not in f"{caught.value}{caught.value!r}{caught.value.__cause__}"


def test_a_server_without_tls_is_unavailable(leases: OpenLeases, redis_url: str) -> None:
    with pytest.raises(Unavailable):
        leases(redis_url.replace("redis://", "rediss://"), timeout=1).enqueue("q", {})


def test_what_is_for_tls_alone_is_refused_elsewhere(leases: OpenLeases, redis_url: str) -> None:
    with pytest.raises(OptionError, match="ssl_ca_certs"):
        leases(f"{redis_url}?ssl_ca_certs=x")
