"""Finding adapters, and what is said where there is none."""

from __future__ import annotations

import json
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from typing import Any

import pytest

from squidie_core import OptionError, PluginError, Squidie
from squidie_core.memory import MemoryStorage
from squidie_core.plugins import find_opener, installed_plugins
from tests.runtime.flows import OneStep, Order

SECRET = "hunter2"


def install(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    """Pretend that a distribution declares these storages."""
    points = [EntryPoint(name, value, "squidie.storage") for name, value in values.items()]

    def declared(*, group: str) -> EntryPoints:
        return EntryPoints(points if group == "squidie.storage" else [])

    monkeypatch.setattr("importlib.metadata.entry_points", declared)


class TestSchemes:
    @pytest.mark.parametrize("scheme", ["memory", "sqlite", "postgresql"])
    def test_the_adapters_of_this_project_are_found_by_theirs(self, scheme: str) -> None:
        assert callable(find_opener("storage", f"{scheme}://"))
        assert callable(find_opener("storage", f"{scheme.upper()}+driver://"))

    def test_a_named_store_in_memory_is_shared_and_an_unnamed_one_is_not(self) -> None:
        with (
            Squidie("memory://shared-by-name", workflows=[OneStep]) as one,
            Squidie("memory://shared-by-name", workflows=[OneStep]) as two,
            Squidie("memory://", workflows=[OneStep]) as other,
        ):
            run = one.start(OneStep.place, Order("o"))
            assert two.inspect_run(run).id == run.id
            assert other.list_runs().runs == ()

    def test_a_file_is_opened_by_its_url(self, tmp_path: Path) -> None:
        with Squidie(f"sqlite:///{tmp_path}/runs.db", workflows=[OneStep], namespace="a") as squidie:
            squidie.start(OneStep.place, Order("o"))
            assert squidie.drain() == 1

    def test_an_unknown_one_is_told_what_is_installed(self) -> None:
        with pytest.raises(PluginError) as refused:
            Squidie(f"mysql://frodo:{SECRET}@host/db")
        assert refused.value.code == "unknown_plugin"
        assert {"memory", "sqlite", "postgresql"} <= set(refused.value.details["installed"])
        assert "memory" in str(refused.value)
        assert SECRET not in str(refused.value) + json.dumps(refused.value.details)

    def test_what_is_no_scheme_is_not_shown(self) -> None:
        with pytest.raises(PluginError) as refused:
            Squidie(f"admin:{SECRET}@db/app?next=http://x")
        assert refused.value.code == "invalid_url"
        assert SECRET not in str(refused.value) + json.dumps(refused.value.details)

    def test_a_storage_is_closed_where_its_notifier_cannot_be_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed: list[str] = []

        def close(storage: MemoryStorage) -> None:
            closed.append(storage.namespace)

        monkeypatch.setattr(MemoryStorage, "close", close)
        with pytest.raises(PluginError):
            Squidie("memory://", notifier="carrier-pigeon://loft")
        assert len(closed) == 1

    def test_a_misspelt_one_is_told_the_nearest(self) -> None:
        with pytest.raises(PluginError, match=r"did you mean postgresql://\?"):
            Squidie(f"postgresq://frodo:{SECRET}@host/db")

    @pytest.mark.parametrize(
        ("scheme", "distribution"), [("postgresql", "squidie-storage-sql"), ("dynamodb", "squidie-storage-dynamodb")]
    )
    def test_one_that_is_not_installed_is_told_what_to_install(
        self, monkeypatch: pytest.MonkeyPatch, scheme: str, distribution: str
    ) -> None:
        install(monkeypatch, memory="squidie_core.memory:open_storage")
        with pytest.raises(PluginError, match=f"pip install {distribution}") as refused:
            Squidie(f"{scheme}://")
        assert refused.value.details["installed"] == ["memory"]

    @pytest.mark.parametrize("url", ["runs.db", "", f"frodo:{SECRET}@host/db"])
    def test_a_url_without_one_is_refused_without_being_echoed(self, url: str) -> None:
        with pytest.raises(PluginError) as refused:
            Squidie(url)
        assert refused.value.code == "invalid_url"
        assert SECRET not in str(refused.value)

    def test_a_notifier_is_found_in_the_same_way(self) -> None:
        with pytest.raises(PluginError, match="notifier") as refused:
            Squidie("memory://", notifier=f"pigeon://frodo:{SECRET}@loft")
        assert refused.value.details["port"] == "notifier"
        assert SECRET not in str(refused.value)


class TestBroken:
    @pytest.mark.parametrize(
        ("value", "hint"),
        [
            ("no_such_module_at_all:open", "no_such_module_at_all"),
            ("squidie_core.memory:no_such_name", "no_such_name"),
            ("squidie_core.memory:__all__", "not callable"),
        ],
    )
    def test_an_entry_point_is_named_and_the_others_work(
        self, monkeypatch: pytest.MonkeyPatch, value: str, hint: str
    ) -> None:
        install(monkeypatch, broken=value, memory="squidie_core.memory:open_storage")
        with pytest.raises(PluginError, match=hint) as refused:
            Squidie(f"broken://frodo:{SECRET}@host")
        assert refused.value.code == "broken_plugin"
        assert "'broken'" in str(refused.value)
        assert SECRET not in str(refused.value)
        assert {plugin.scheme: plugin.problem is None for plugin in installed_plugins()} == {
            "broken": False,
            "memory": True,
        }
        Squidie("memory://").close()


class TestOptions:
    @pytest.mark.parametrize(
        "url",
        [
            f"postgresql://frodo:{SECRET}@host:no-port/db",
            f"postgresql://frodo:{SECRET}@host/db?no_such_option=1",
            f"sqlite://frodo:{SECRET}@host/runs.db",
            f"sqlite:///{SECRET}/nowhere/../no/runs.db?busy_timeout=soon",
            f"memory://frodo:{SECRET}@host",
        ],
    )
    def test_one_of_a_url_that_cannot_be_used_is_refused_without_credentials(self, url: str) -> None:
        with pytest.raises(OptionError) as refused:
            Squidie(url)
        assert SECRET not in str(refused.value)

    @pytest.mark.parametrize("options", [{"namespace": "a"}, {"storage_options": {"namespace": "a"}}])
    def test_ones_that_go_with_a_url_are_refused_beside_a_storage(self, options: dict[str, Any]) -> None:
        with pytest.raises(OptionError, match="URL"):
            Squidie(MemoryStorage(), **options)
