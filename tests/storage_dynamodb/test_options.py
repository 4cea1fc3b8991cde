"""Options and URLs: what is taken, what is refused and how, and that no text gives a secret away."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from squidie_contract.engine.appends import append, write
from squidie_core.errors import OptionError, SquidieError, Unavailable
from squidie_core.plugins import find_opener, installed_plugins
from squidie_storage_dynamodb import DynamodbOptions, open_dynamodb
from tests.storage_dynamodb.stores import Open
from tests.storage_dynamodb.wire import refusal, wire

SECRET = "s3cr3t/w%rd"
SPELLINGS = ("s3cr3t", "w%rd", "w%25rd")


def refused(act: Callable[..., object], *arguments: Any, **options: Any) -> OptionError:
    with pytest.raises(OptionError) as caught:
        act(*arguments, **options)
    assert caught.value.code == "invalid_option"
    return caught.value


class TestOptions:
    @pytest.mark.parametrize(
        ("option", "bad"),
        [
            *(("table", bad) for bad in ("", "ab", "a b c", "a/b", "x" * 256, 5)),
            *(("namespace", bad) for bad in ("", "-a", "a b", "a/b", "x" * 101, 5)),
            *(("pool_size", bad) for bad in (0, "x", True, 1.5, 1001)),
            *(("retry_for", bad) for bad in (-1, 0, "soon", None, True, timedelta(seconds=-1))),
            *(("endpoint", bad) for bad in ("localhost:8000", "ftp://h", "http://", "http://me:secret@host", 5)),
            *(("region", bad) for bad in ("", "EU", "eu central", 5)),
            ("profile", ""),
            ("create", "maybe"),
            *((units, bad) for units in ("read_units", "write_units") for bad in (0, "x", True, 1.5)),
        ],
    )
    def test_that_cannot_be_used_are_named_but_not_repeated(self, option: str, bad: object) -> None:
        error = refused(DynamodbOptions, **{"table": "runs", option: bad})
        assert error.details == {"option": option}
        assert error.message.startswith(f"{option}: ")
        if isinstance(bad, str) and len(bad) > 2:
            assert bad not in error.message.split()

    def test_may_be_written_as_in_a_url(self) -> None:
        options = DynamodbOptions(
            table="runs", read_timeout="1.5", pool_size="3", create="no", read_units="5", write_units="6"
        )
        assert (options.read_timeout, options.pool_size, options.create) == (1500, 3, False)
        assert options.throughput is not None
        assert (options.throughput.read, options.throughput.write) == (5, 6)

    def test_take_a_timedelta_for_a_duration(self) -> None:
        assert DynamodbOptions(table="runs", retry_for=timedelta(minutes=1)).retry_for == 60_000

    @pytest.mark.parametrize("given", [{"read_units": 5}, {"write_units": 5}])
    def test_of_capacity_come_together(self, given: dict[str, int]) -> None:
        assert "both" in refused(DynamodbOptions, table="runs", **given).message

    def test_that_do_not_exist_bring_the_nearest_name(self) -> None:
        assert "did you mean namespace?" in refused(open_dynamodb, "dynamodb://runs", namspace="x").message
        assert "did you mean region?" in refused(open_dynamodb, "dynamodb://runs?regoin=x").message

    def test_given_in_the_url_and_beside_it_or_twice_are_refused(self) -> None:
        both = refused(open_dynamodb, "dynamodb://runs?namespace=a", namespace="b")
        twice = refused(open_dynamodb, "dynamodb://runs?namespace=a&namespace=b")
        assert both.details == twice.details == {"option": "namespace"}


class TestUrls:
    def test_may_carry_options(self, dynamodb_url: str) -> None:
        storage = open_dynamodb(f"{dynamodb_url}&namespace=from-url&retry_for=0.5")
        assert storage.namespace == "from-url"
        assert storage.table.name == "squidie-tests"
        assert storage.table.calls.retry_for == 0.5
        storage.close()

    @pytest.mark.parametrize(
        "url",
        ["dynamodb://", "sqlite:///x.db", "no url", "", "dynamodb://runs/more", "dynamodb://runs#x", "dynamodb:runs"],
    )
    def test_of_another_kind_are_refused(self, url: str) -> None:
        assert refused(open_dynamodb, url).details == {"option": "url"}

    def test_find_the_plugin(self) -> None:
        assert find_opener("storage", "dynamodb://runs") is open_dynamodb
        (plugin,) = [plugin for plugin in installed_plugins() if plugin.scheme == "dynamodb"]
        assert plugin.capabilities is not None
        assert (plugin.distribution, plugin.problem) == ("squidie-storage-dynamodb", None)
        assert plugin.capabilities["max_skew"] == 2_000

    def test_without_a_region_anywhere_say_what_to_add(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        assert refused(open_dynamodb, "dynamodb://runs").details == {"option": "region"}

    def test_with_a_profile_that_does_not_exist_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        assert refused(open_dynamodb, "dynamodb://runs?profile=none").details == {"option": "profile"}


class TestAServerThatIsNotThere:
    def test_is_unavailable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "eu-west-1")):
            monkeypatch.setenv(name, value)
        with pytest.raises(Unavailable, match="reached") as caught:
            open_dynamodb("dynamodb://runs?endpoint=http://127.0.0.1:9&retry_for=0.1&region=eu-west-1")
        assert caught.value.outcome == "none"


class TestSecrets:
    """Each text that somebody may see after a failure."""

    def texts(self, error: BaseException) -> str:
        return "".join(traceback.format_exception(error)) + repr(error) + str(getattr(error, "details", ""))

    @pytest.mark.parametrize(
        "url",
        [
            "dynamodb://AKIA:s3cr3t%2Fw%25rd@runs",
            "dynamodb://AKIA:s3cr3t/w%rd@runs?region=eu-west-1",
            "dynamodb://runs?endpoint=http://me:s3cr3t%2Fw%25rd@127.0.0.1:9",
            "dynamodb://runs?region=s3cr3t/w%rd",
            "dynamodb://runs?secret=s3cr3t%2Fw%25rd",
            "dynamo://me:s3cr3t%2Fw%25rd@runs",
        ],
    )
    def test_are_in_no_error_about_a_url(self, url: str) -> None:
        with pytest.raises(SquidieError) as caught:
            open_dynamodb(url)
        seen = self.texts(caught.value)
        assert not [spelling for spelling in SPELLINGS if spelling in seen]

    def test_are_in_no_error_of_a_request(
        self, dynamodb_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Even where the server repeats them."""
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        monkeypatch.setenv("AWS_SESSION_TOKEN", "t0ken-of-the-session")
        with caplog.at_level(logging.INFO):
            storage = open_dynamodb(dynamodb_url)
            seen = repr(storage) + repr(open_dynamodb)
            for code in ("UnrecognizedClientException", "AccessDeniedException", "ValidationException"):
                with wire(storage) as watched:
                    watched.trouble("BatchGetItem", refusal(code, message=f"no {SECRET} and no t0ken-of-the-session"))
                    with pytest.raises(SquidieError) as caught:
                        storage.heads(["t"])
                seen += self.texts(caught.value)
                assert "***" in caught.value.message
            storage.close()
        seen += caplog.text
        assert not [spelling for spelling in (*SPELLINGS, "t0ken") if spelling in seen]

    def test_are_in_no_repr_of_a_storage_that_works(self, open_: Open) -> None:
        storage = open_()
        write(storage, append("a"))
        assert "none" not in repr(storage)  # the secret key of the tests
        assert "squidie-tests" in repr(storage)


class TestGrants:
    def test_are_a_policy_for_the_items_of_the_namespace_and_no_more(self) -> None:
        url = "dynamodb://runs?region=eu-west-1&namespace=orders"
        document = json.loads(open_dynamodb.grants(url, "shop-app"))
        items, record = document["Statement"]
        assert items["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["orders/*"]}}
        assert items["Resource"][0] == "arn:aws:dynamodb:eu-west-1:*:table/runs"
        assert {resource.rpartition("/")[2] for resource in items["Resource"][1:]} == {"due", "listing", "threads"}
        assert record["Action"] == ["dynamodb:GetItem"]
        actions = {action for statement in document["Statement"] for action in statement["Action"]}
        assert actions == {f"dynamodb:{one}" for one in ("BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem")}

    def test_for_purging_may_delete_too(self) -> None:
        working, purging = (open_dynamodb.grants("dynamodb://runs", "app", purging=one) for one in (False, True))
        assert not {"DeleteItem", "BatchWriteItem"} & set(re.findall(r"dynamodb:(\w+)", working))
        assert '"dynamodb:DeleteItem"' in purging
        assert '"dynamodb:BatchWriteItem"' in purging

    def test_for_a_roles_arn_are_limited_to_its_account(self) -> None:
        text = open_dynamodb.grants("dynamodb://runs?region=eu-west-1", "arn:aws:iam::123456789012:role/shop/app")
        assert "arn:aws:dynamodb:eu-west-1:123456789012:table/runs" in text

    @pytest.mark.parametrize("role", ["", "a b", "x" * 600, "role\n"])
    def test_for_what_is_no_role_are_refused(self, role: str) -> None:
        assert refused(open_dynamodb.grants, "dynamodb://runs", role).details == {"option": "role"}
