"""What must not be stored."""

from __future__ import annotations

import pytest
from hypothesis import given

from squidie_core.journal.redaction import REDACTED, redact, scrub
from tests.core.journal_values import QUICK, plain_values

SECRETS = [
    "access_token",
    "api_key",
    "apikey",
    "authorization",
    "claim_token",
    "credential",
    "credentials",
    "password",
    "passwd",
    "private_key",
    "refresh_token",
    "secret",
    "token",
]


class TestValuesUnderSecretKeys:
    @pytest.mark.parametrize("key", [*SECRETS, "Password", "API_KEY", "Authorization"])
    def test_are_replaced_at_any_depth(self, key: str) -> None:
        given = {"a": [{key: {"deep": ["hunter2"]}}, {"kept": key}], key: None}
        assert redact(given) == {"a": [{key: REDACTED}, {"kept": key}], key: REDACTED}

    def test_are_replaced_inside_escaped_mappings(self) -> None:
        assert redact({"$squidie": "dict", "value": {"$squidie": 1, "token": "x"}}) == {
            "$squidie": "dict",
            "value": {"$squidie": 1, "token": REDACTED},
        }

    @pytest.mark.parametrize("key", ["tokens", "my_password", "secretary", "key", ""])
    def test_are_kept_where_the_key_only_resembles_one(self, key: str) -> None:
        assert redact({key: "x"}) == {key: "x"}

    @QUICK
    @given(value=plain_values)
    def test_are_all_that_changes(self, value: object) -> None:
        assert redact(value) == value

    def test_are_replaced_in_a_copy(self) -> None:
        given = {"a": {"token": "x"}}
        redact(given)
        assert given == {"a": {"token": "x"}}


class TestTexts:
    @pytest.mark.parametrize(
        ("text", "scrubbed"),
        [
            ("postgresql://frodo:ring@mordor/db", "postgresql://[REDACTED]@mordor/db"),
            ("postgresql+psycopg://frodo@mordor", "postgresql+psycopg://[REDACTED]@mordor"),
            ("redis://:r%40ng@host:6379/0 refused", "redis://[REDACTED]@host:6379/0 refused"),
            ("postgresql://frodo:r@ng@mordor/db", "postgresql://[REDACTED]@mordor/db"),
            ("a://u:p@h1,b://u:q@h2", "a://[REDACTED]@h1,b://[REDACTED]@h2"),
            ("connect('amqp://u:p@h')", "connect('amqp://[REDACTED]@h')"),
            ("1http://u:p@h", "1http://[REDACTED]@h"),
            ("https://host/path?to=sam@shire", "https://host/path?to=sam@shire"),
            ("write to sam@shire about https://host", "write to sam@shire about https://host"),
            ("", ""),
        ],
    )
    def test_lose_the_credentials_of_their_urls(self, text: str, scrubbed: str) -> None:
        assert scrub(text) == scrubbed

    @pytest.mark.timeout(10)
    def test_of_any_length_are_read_once(self) -> None:
        for text in ("a" * 500_000, "a:" * 250_000, "://" * 150_000, "a://" + "b" * 500_000):
            assert scrub(text) == text
