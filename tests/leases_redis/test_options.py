"""URLs and options: what is taken, and that what is refused is not echoed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from squidie_core.errors import OptionError
from squidie_leases_redis.addresses import understood
from squidie_leases_redis.options import DueHintsOptions, RedisNotifierOptions, RedisOptions

SECRET = "s3cr3t"


class TestAUrl:
    @pytest.mark.parametrize(
        ("url", "theirs"),
        [
            ("redis://h", "redis://h"),
            ("redis://u:p@h:1/2?namespace=n&cluster=yes", "redis://u:p@h:1/2"),
            ("rediss://h/0?ssl_cert_reqs=none&timeout=2", "rediss://h/0?ssl_cert_reqs=none"),
            ("redis+unix:///run/r.sock?db=1&prefix=p", "unix:///run/r.sock?db=1"),
            ("unix:///run/r.sock", "unix:///run/r.sock"),
        ],
    )
    def test_goes_to_redis_py_without_our_options(self, url: str, theirs: str) -> None:
        address, _ = understood(url, {}, RedisOptions)
        assert address.url == theirs

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "http://h",
            f"redis://u:{SECRET}/x@h",
            f"redis://u:{SECRET}#x@h",
            f"redis://u:{SECRET}?x@h",
            f"redis://h/{SECRET}",
            f"redis://h:{SECRET}",
            f"redis://h?db={SECRET}",
            f"redis+unix://h/{SECRET}",
            f"redis://[{SECRET}",
            "redis:///0",
        ],
    )
    def test_that_is_none_is_refused_and_not_echoed(self, url: str) -> None:
        with pytest.raises(OptionError) as caught:
            understood(url, {}, RedisOptions)
        assert SECRET not in f"{caught.value}{caught.value.details}{caught.value.__cause__}"

    def test_hides_its_secrets(self) -> None:
        address, _ = understood(f"rediss://u:{SECRET}%40@h/0?ssl_password=other%20{SECRET}", {}, RedisOptions)
        assert (str(address), SECRET in repr(address)) == ("rediss://u:***@h/0", False)
        assert address.scrub(f"a {SECRET}@ b {SECRET}%40 c other+{SECRET} d") == "a *** b *** c *** d"


class TestOptions:
    def test_come_from_the_url_and_the_call(self) -> None:
        _, options = understood("redis://h?namespace=n&timeout=0.25&cluster=on", {"prefix": "p"}, RedisOptions)
        assert options == RedisOptions(namespace="n", timeout=0.25, cluster=True, prefix="p")
        assert options.timeout == 250

    def test_may_be_said_twice_alike(self) -> None:
        _, options = understood("redis://h?namespace=n", {"namespace": "n"}, RedisNotifierOptions)
        assert options.namespace == "n"

    def test_durations_are_kept_in_milliseconds(self) -> None:
        options = DueHintsOptions(sweep_every=timedelta(minutes=1), retry_every=0.5)
        assert (options.sweep_every, options.retry_every, options.timeout) == (60_000, 500, 1000)

    @pytest.mark.parametrize(
        ("url", "given", "problem"),
        [
            ("redis://h", {"namspace": "x"}, "did you mean namespace?"),
            ("redis://h?namspace=x", {}, "did you mean namespace?"),
            ("redis://h?retry=x", {}, "retry: not an option"),
            ("redis://h?namespace=a", {"namespace": "b"}, "namespace: the URL and the call differ"),
            ("redis://h", {"namespace": "a:b"}, "namespace: must be letters"),
            ("redis://h", {"prefix": ""}, "prefix: must be letters"),
            ("redis://h", {"timeout": 0}, "timeout: must be a duration"),
            ("redis://h", {"timeout": "soon"}, "timeout: must be a duration"),
            ("redis://h", {"timeout": True}, "timeout: must be a duration"),
            ("redis://h?cluster=perhaps", {}, "cluster: must be True or False"),
            ("redis://h?ssl_ca_certs=/ca.pem", {}, "ssl_ca_certs: goes with a rediss:// URL"),
            ("redis+unix:///r.sock", {"cluster": True}, "cluster: cannot be reached through a socket"),
        ],
    )
    def test_that_cannot_be_used_are_refused(self, url: str, given: dict[str, object], problem: str) -> None:
        with pytest.raises(OptionError, match=problem.replace("?", r"\?")):
            understood(url, given, RedisOptions)
