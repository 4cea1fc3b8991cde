from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from squidie_core.plugins import installed_plugins
from tests.cli.command import Command, Inside


class TestMigrate:
    def test_makes_the_tables_and_then_has_nothing_to_do(self, squidie: Command, url: str) -> None:
        first = squidie("migrate", "--url", url, "--json").document
        assert (first["from_version"], first["migrated"]) == (0, True)
        again = squidie("migrate", url, "--json").document
        assert again == {"from_version": first["to_version"], "to_version": first["to_version"], "migrated": False}
        assert squidie("migrate", url).out == f"the schema is at version {first['to_version']}\n"
        assert squidie("runs", "--url", url).out == "no runs\n"

    def test_prints_the_statements_instead(self, squidie: Command, url: str) -> None:
        text = squidie("migrate", url, "--sql").out
        assert not (squidie.directory / "runs.db").exists()
        with closing(sqlite3.connect(squidie.directory / "by_hand.db")) as database:
            database.executescript(text)
        assert squidie("runs", "--url", "sqlite:///by_hand.db").out == "no runs\n"
        assert squidie("migrate", url, "--sql", "--json").document == {"sql": text}

    def test_works_in_a_schema_of_postgresql(self, squidie: Command, inside: Inside, postgresql_url: str) -> None:
        place = ("--url", postgresql_url, "--schema", "squidie_cli")
        assert inside("runs", *place).code == 5
        assert squidie("migrate", *place, "--json").document["from_version"] == 0
        assert inside("runs", *place).out == "no runs\n"

    def test_hands_the_schema_on(self, inside: Inside) -> None:
        text = inside("migrate", "postgresql://nobody@nowhere/x", "--schema", "flows", "--sql").out
        assert "flows." in text

    def test_prints_what_a_role_needs_instead(self, inside: Inside) -> None:
        arguments = ("migrate", "postgresql://nobody@nowhere/x", "--schema", "flows", "--print-grants", "app")
        text = inside(*arguments).out
        assert 'grant select, insert on "flows".squidie_commits to "app";\n' in text
        assert inside(*arguments, "--json").document == {"sql": text}
        assert inside(*arguments, "--sql").code == 2

    @pytest.mark.parametrize("url", ["memory://", "sqlite:///runs.db"])
    def test_says_so_where_there_are_no_roles(self, inside: Inside, url: str) -> None:
        done = inside("migrate", url, "--print-grants", "app")
        assert (done.code, done.out) == (1, "")
        assert "no roles" in done.err

    def test_says_so_where_nothing_needs_migrating(self, inside: Inside) -> None:
        assert "nothing needs migrating" in inside("migrate", "memory://").out
        assert inside("migrate", "memory://", "--json").document["migrated"] is False
        assert inside("migrate", "memory://", "--sql").code == 0


class TestPlugins:
    def test_lists_what_is_installed(self, squidie: Command) -> None:
        document = squidie("plugins", "--json").document
        assert [(plugin["port"], plugin["scheme"]) for plugin in document["plugins"]] == [
            (plugin.port, plugin.scheme) for plugin in installed_plugins()
        ]
        text = squidie("plugins").out
        assert re.search(r"^storage +sqlite:// +squidie-storage-sql +\S+ +.*durable", text, re.MULTILINE)

    def test_says_what_is_wrong_with_a_broken_one(self, squidie: Command) -> None:
        metadata = squidie.directory / "broken-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n", encoding="utf-8")
        (metadata / "entry_points.txt").write_text("[squidie.storage]\nbroken = nosuch:open\n", encoding="utf-8")
        done = squidie("plugins", PYTHONPATH=str(squidie.directory))
        assert done.code == 0
        assert re.search(r"^storage +broken:// +broken +1\.0 +PROBLEM: .*nosuch", done.out, re.MULTILINE)
        assert squidie("runs", "--url", "broken://", PYTHONPATH=str(squidie.directory)).code == 2


class TestConfig:
    def test_shows_each_setting_and_its_origin_masked(self, squidie: Command) -> None:
        (squidie.directory / "pyproject.toml").write_text('[tool.squidie]\nqueue = "slow"\n', encoding="utf-8")
        arguments = ("config", "--show-origin", "--namespace", "orders")
        done = squidie(*arguments, SQUIDIE_URL="postgresql://app:hunter2@db/runs")
        assert (done.code, done.err) == (0, "")
        assert "hunter2" not in done.out
        lines = {line.split()[0]: " ".join(line.split()[1:]) for line in done.out.splitlines()[1:]}
        assert lines["url"] == "postgresql://app:***@db/runs SQUIDIE_URL in the environment"
        assert lines["queue"] == f"slow [tool.squidie] in {squidie.directory / 'pyproject.toml'}"
        assert lines["namespace"] == "orders argument"
        assert lines["schema"] == "- -"
        document = squidie(*arguments, "--json", SQUIDIE_URL="postgresql://app:hunter2@db/runs").document
        assert document["settings"]["url"] == {
            "value": "postgresql://app:***@db/runs",
            "origin": "SQUIDIE_URL in the environment",
        }

    def test_shows_values_alone_unless_asked(self, inside: Inside) -> None:
        assert inside("config", "--json").document["settings"]["queue"] == {"value": "default"}
        assert "default  default" not in inside("config").out


class TestVersion:
    def test_is_told(self, squidie: Command) -> None:
        version = squidie("--version", "--json").document["version"]
        assert squidie("--version").out == f"squidie {version}\n"
