"""Making the table: once, from several processes, from templates; and tables that are not ours."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from squidie_contract.engine.appends import append, due_ids, write
from squidie_core.errors import SchemaError
from squidie_storage_dynamodb import MigrationReport, open_dynamodb
from squidie_storage_dynamodb.keys import SCHEMA_KEY
from squidie_storage_dynamodb.schema import INDEXES
from tests.cli.command import Command

README = Path(__file__).parents[2] / "squidie_storage_dynamodb" / "README.md"


@pytest.fixture
def url(dynamodb_endpoint: str) -> str:
    """Give the URL of a table that does not exist."""
    return f"dynamodb://t-{uuid4().hex}?endpoint={dynamodb_endpoint}"


@pytest.fixture
def client(dynamodb_url: str) -> Iterator[Any]:
    """Yield boto3's client of the same server."""
    storage = open_dynamodb(dynamodb_url)
    yield storage.table.calls.client
    storage.close()


def table_of(url: str) -> str:
    return url.partition("://")[2].partition("?")[0]


def works(url: str) -> bool:
    storage = open_dynamodb(url)
    write(storage, append("t"))
    found = due_ids(storage)
    storage.close()
    return found == ["t"]


class TestMigrate:
    def test_makes_the_table_and_then_has_nothing_to_do(self, url: str, client: Any) -> None:
        assert open_dynamodb.migrate(url) == MigrationReport(0, 1)
        assert open_dynamodb.migrate(url) == MigrationReport(1, 1)
        found = client.describe_table(TableName=table_of(url))["Table"]
        assert found["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
        assert {index["IndexName"] for index in found["GlobalSecondaryIndexes"]} == {one.name for one in INDEXES}
        ttl = client.describe_time_to_live(TableName=table_of(url))["TimeToLiveDescription"]
        assert (ttl["TimeToLiveStatus"], ttl["AttributeName"]) == ("ENABLED", "expires")
        assert works(url)

    def test_makes_a_table_of_provisioned_capacity(self, url: str, client: Any) -> None:
        open_dynamodb.migrate(url, read_units=7, write_units="9")
        found = client.describe_table(TableName=table_of(url))["Table"]
        for one in (found, *found["GlobalSecondaryIndexes"]):
            units = one["ProvisionedThroughput"]
            assert (units["ReadCapacityUnits"], units["WriteCapacityUnits"]) == (7, 9)
        assert works(url)

    def test_may_be_run_by_several_at_once(self, url: str) -> None:
        with ThreadPoolExecutor(4) as pool:
            reports = list(pool.map(open_dynamodb.migrate, [url] * 4))
        assert {report.to_version for report in reports} == {1}
        assert works(url)

    def test_adds_an_index_that_is_missing(self, url: str, client: Any) -> None:
        template = json.loads(open_dynamodb.migration_sql(url))["Resources"]["SquidieTable"]["Properties"]
        client.create_table(
            TableName=table_of(url),
            BillingMode="PAY_PER_REQUEST",
            KeySchema=template["KeySchema"],
            AttributeDefinitions=[a for a in template["AttributeDefinitions"] if a["AttributeName"] in ("pk", "sk")],
        )
        assert open_dynamodb.migrate(url) == MigrationReport(0, 1)
        assert works(url)

    def test_leaves_a_table_of_somebody_else_alone(self, url: str, client: Any) -> None:
        client.create_table(
            TableName=table_of(url),
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        with pytest.raises(SchemaError, match="not one of Squidie's"):
            open_dynamodb.migrate(url)
        assert client.scan(TableName=table_of(url))["Count"] == 0

    def test_is_a_command(self, url: str, tmp_path: Path) -> None:
        squidie = Command(tmp_path)
        environment = {
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_DEFAULT_REGION": "eu-central-1",
        }
        assert squidie("migrate", url, **environment).out == "the schema migrated from version 0 to 1\n"
        assert squidie("runs", "--url", url, **environment).out == "no runs\n"
        assert squidie("migrate", url, "--print").out == open_dynamodb.migration_sql(url)
        assert squidie("migrate", url, "--print-grants", "app").out == open_dynamodb.grants(url, "app")


class TestOpening:
    def test_without_a_table_says_what_to_do(self, url: str) -> None:
        with pytest.raises(SchemaError, match="squidie migrate"):
            open_dynamodb(url)

    def test_makes_the_table_where_that_is_wanted(self, url: str) -> None:
        open_dynamodb(url, create=True).close()
        assert works(url)

    @pytest.mark.parametrize(
        ("version", "oldest_client", "hint"), [(7, 2, "upgrade squidie-storage-dynamodb"), (0, 0, "squidie migrate")]
    )
    def test_is_refused_outside_the_versions_that_this_client_works_with(
        self, url: str, client: Any, version: int, oldest_client: int, hint: str
    ) -> None:
        open_dynamodb.migrate(url)
        record(client, url, version=version, oldest_client=oldest_client)
        with pytest.raises(SchemaError, match=hint):
            open_dynamodb(url)

    def test_works_with_a_newer_table_that_still_takes_this_client(self, url: str, client: Any) -> None:
        open_dynamodb.migrate(url)
        record(client, url, version=7, oldest_client=1)
        assert works(url)
        assert open_dynamodb.migrate(url) == MigrationReport(7, 7)

    def test_of_a_table_that_vanishes_is_found_out(self, url: str, client: Any) -> None:
        storage = open_dynamodb(url, create=True)
        client.delete_table(TableName=table_of(url))
        with pytest.raises(SchemaError, match="squidie migrate"):
            storage.heads(["t"])
        storage.close()


def record(client: Any, url: str, *, version: int, oldest_client: int) -> None:
    key = {name: {"S": value} for name, value in SCHEMA_KEY.items()}
    numbers = {"version": {"N": str(version)}, "oldest_client": {"N": str(oldest_client)}}
    client.put_item(TableName=table_of(url), Item={**key, **numbers})


class TestTemplates:
    def test_make_a_table_that_the_migration_finds_complete(self, url: str, client: Any) -> None:
        properties = json.loads(open_dynamodb.migration_sql(url))["Resources"]["SquidieTable"]["Properties"]
        ttl = properties.pop("TimeToLiveSpecification")
        del properties["PointInTimeRecoverySpecification"]
        client.create_table(**properties)
        client.update_time_to_live(TableName=table_of(url), TimeToLiveSpecification=ttl)
        before = client.describe_table(TableName=table_of(url))["Table"]
        with pytest.raises(SchemaError, match="squidie migrate"):
            open_dynamodb(url)
        assert open_dynamodb.migrate(url) == MigrationReport(0, 1)
        after = client.describe_table(TableName=table_of(url))["Table"]
        assert (after["KeySchema"], after["AttributeDefinitions"]) == (
            before["KeySchema"],
            before["AttributeDefinitions"],
        )
        assert works(url)

    def test_say_the_same_for_terraform(self) -> None:
        text = open_dynamodb.terraform("dynamodb://squidie?read_units=5&write_units=6")
        assert text.count("global_secondary_index {") == len(INDEXES)
        assert text.count("read_capacity") == text.count("write_capacity") == 1 + len(INDEXES)
        for index in INDEXES:
            assert f'"{index.name}"' in text
            assert all(f'"{name}"' in text for name in index.holds)

    @pytest.mark.parametrize(("language", "render"), [("json", "migration_sql"), ("hcl", "terraform")])
    def test_are_in_the_readme_as_they_are_printed(self, language: str, render: str) -> None:
        printer: Callable[[str], str] = getattr(open_dynamodb, render)
        assert f"```{language}\n{printer('dynamodb://squidie')}```" in README.read_text(encoding="utf-8")
