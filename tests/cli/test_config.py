from __future__ import annotations

from pathlib import Path

import pytest

from squidie_core import OptionError, PluginError
from squidie_core.runtime.config import Settings, masked, masked_text, read_settings


def settings(folder: Path, *, pyproject: str | None = None, url: str | None = None, **environ: str) -> Settings:
    if pyproject is not None:
        (folder / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    return read_settings({"url": url}, environ=environ, directory=folder)


def origins(found: Settings) -> dict[str, str | None]:
    return {setting.name: setting.origin for setting in found}


class TestPrecedence:
    PYPROJECT = '[tool.squidie]\nurl = "sqlite:///file.db"\nqueue = "slow"\n'

    def test_an_argument_goes_before_the_environment_and_that_before_the_file(self, tmp_path: Path) -> None:
        variables = {"SQUIDIE_URL": "sqlite:///environment.db"}
        said = settings(tmp_path, pyproject=self.PYPROJECT, url="sqlite:///argument.db", **variables)
        assert said["url"] == "sqlite:///argument.db"
        assert settings(tmp_path, **variables)["url"] == "sqlite:///environment.db"
        assert settings(tmp_path)["url"] == "sqlite:///file.db"

    def test_each_setting_knows_its_origin(self, tmp_path: Path) -> None:
        found = settings(tmp_path, pyproject=self.PYPROJECT, url="memory://", SQUIDIE_NAMESPACE="orders")
        assert origins(found) == {
            "url": "argument",
            "notifier": None,
            "queue": f"[tool.squidie] in {tmp_path / 'pyproject.toml'}",
            "namespace": "SQUIDIE_NAMESPACE in the environment",
            "schema": None,
            "app": None,
        }

    def test_what_nobody_says_has_its_default(self, tmp_path: Path) -> None:
        found = settings(tmp_path)
        assert (found["queue"], origins(found)["queue"]) == ("default", "default")

    def test_an_empty_variable_says_nothing(self, tmp_path: Path) -> None:
        assert settings(tmp_path, pyproject=self.PYPROJECT, SQUIDIE_QUEUE="")["queue"] == "slow"

    def test_the_nearest_file_above_counts_alone(self, tmp_path: Path) -> None:
        near = tmp_path / "member"
        (near / "package").mkdir(parents=True)
        settings(tmp_path, pyproject=self.PYPROJECT)
        (near / "pyproject.toml").write_text('[tool.squidie]\nqueue = "fast"\n', encoding="utf-8")
        found = read_settings(environ={}, directory=near / "package")
        assert (found["queue"], found["url"]) == ("fast", None)

    def test_becomes_the_keywords_of_a_squidie(self, tmp_path: Path) -> None:
        found = settings(tmp_path, SQUIDIE_SCHEMA="flows", SQUIDIE_NOTIFIER="memory://here")
        assert found.opening({"pool_size": 2}) == {
            "queue": "default",
            "namespace": None,
            "notifier": "memory://here",
            "storage_options": {"schema": "flows", "pool_size": 2},
        }


class TestRefusal:
    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("SQUIDIE_URL", "hunter2@localhost"),
            ("SQUIDIE_QUEUE", "hunter2 and more"),
            ("SQUIDIE_NAMESPACE", "hunter2/"),
            ("SQUIDIE_APP", "hunter2"),
        ],
    )
    def test_names_the_setting_and_its_origin_and_not_the_value(
        self, tmp_path: Path, variable: str, value: str
    ) -> None:
        with pytest.raises(OptionError) as refused:
            settings(tmp_path, **{variable: value})
        assert variable.removeprefix("SQUIDIE_").lower() in refused.value.message
        assert f"{variable} in the environment" in refused.value.message
        assert "hunter2" not in refused.value.message
        assert "hunter2" not in str(refused.value.details)

    @pytest.mark.parametrize(
        ("pyproject", "message"),
        [
            ('[tool.squidie]\nqeue = "slow"\n', "did you mean queue"),
            ("[tool.squidie]\nqueue = 7\n", "is not a string"),
            ("[tool]\nsquidie = 7\n", "is not a table"),
            ("[tool.squidie\n", "cannot be read: TOMLDecodeError (at line 1"),
            ('tool = "none"\n', "cannot be read"),
        ],
    )
    def test_names_the_file(self, tmp_path: Path, pyproject: str, message: str) -> None:
        with pytest.raises(OptionError) as refused:
            settings(tmp_path, pyproject=pyproject)
        assert message in refused.value.message
        assert str(tmp_path / "pyproject.toml") in refused.value.message

    def test_says_what_to_set_where_a_setting_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(OptionError, match="SQUIDIE_URL") as refused:
            settings(tmp_path).require("url")
        assert refused.value.code == "missing_setting"

    def test_blames_the_origin_for_what_an_adapter_refuses(self, tmp_path: Path) -> None:
        found = settings(tmp_path, SQUIDIE_SCHEMA="x", SQUIDIE_URL="nosuch://host")
        with pytest.raises(OptionError, match="schema comes from SQUIDIE_SCHEMA") as refused, found.blaming():
            raise OptionError("schema is unknown", code="some_code", details={"option": "schema"})
        assert refused.value.code == "some_code"
        with pytest.raises(PluginError, match="url comes from SQUIDIE_URL"), found.blaming():
            raise PluginError("there is none", details={"port": "storage"})

    def test_blames_nobody_for_what_the_caller_said(self, tmp_path: Path) -> None:
        error = OptionError("url is wrong", details={"option": "url"})
        assert settings(tmp_path, url="memory://").blamed(error) is error


class TestMasking:
    @pytest.mark.parametrize(
        ("url", "shown"),
        [
            ("postgresql://app:hunter2@db:5432/runs", "postgresql://app:***@db:5432/runs"),
            ("postgresql://app:hunt@er2@db/runs", "postgresql://app:***@db/runs"),
            ("postgresql://app:hun/ter?2@db/runs", "postgresql://app:***@db/runs"),
            ("redis://:hunter2@cache", "redis://:***@cache"),
            (
                "postgresql://db/runs?password=hunter2&sslmode=require",
                "postgresql://db/runs?password=***&sslmode=require",
            ),
            ("postgresql://db/runs?password=hunt@er2", "postgresql://db/runs?password=***"),
            ("dynamodb://eu/runs?aws_secret_access_key=hunter2", "dynamodb://eu/runs?aws_secret_access_key=***"),
            ("postgresql://app@db/runs", "postgresql://app@db/runs"),
            ("sqlite:///runs.db", "sqlite:///runs.db"),
            ("host=db password=hunter2", "***"),
        ],
    )
    def test_hides_passwords_and_shows_the_rest(self, url: str, shown: str) -> None:
        assert masked(url) == shown
        assert "hunter2" not in masked(url)

    def test_hides_the_passwords_of_urls_within_a_text(self) -> None:
        text = "no argument 'postgresql://app:hunter2@db/runs'; see redis://:hunter2@cache"
        assert masked_text(text) == "no argument 'postgresql://app:***@db/runs'; see redis://:***@cache"

    def test_settings_show_no_password(self, tmp_path: Path) -> None:
        found = settings(tmp_path, SQUIDIE_URL="postgresql://a:hunter2@db/x", SQUIDIE_NOTIFIER="redis://:hunter2@c")
        assert [setting.shown for setting in found][:2] == ["postgresql://a:***@db/x", "redis://:***@c"]
        assert "hunter2" not in repr(found)
        assert "hunter2" not in repr(list(found))
