"""The tree of errors: one root, a stable code for each, details that are plain JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator

import pytest

import squidie_core
from squidie_core import DefinitionError, Problem, SquidieError, StorageError, Unavailable

PUBLIC = [
    error
    for name in squidie_core.__all__
    if inspect.isclass(error := getattr(squidie_core, name))
    and issubclass(error, Exception)
    and not issubclass(error, Warning)
]


def made(kind: type[SquidieError]) -> SquidieError:
    if kind is DefinitionError:
        return DefinitionError("W", [Problem(code="c", place="p", message="m", hint="h")])
    return kind("what to do")


def below(kind: type[SquidieError]) -> Iterator[type[SquidieError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


class TestErrors:
    @pytest.mark.parametrize("kind", PUBLIC)
    def test_every_public_one_has_a_code_and_details_that_are_json(self, kind: type[SquidieError]) -> None:
        assert issubclass(kind, SquidieError)
        error = made(kind)
        assert error.code
        assert error.code == error.code.lower()
        assert error.message == str(error)
        assert json.loads(json.dumps(dict(error.details))) == error.details

    def test_every_one_that_there_is_has_a_code_of_its_own_words(self) -> None:
        kinds = [kind for kind in below(SquidieError) if kind.__module__.startswith("squidie")]
        assert set(PUBLIC) - {SquidieError} <= set(kinds)
        for kind in kinds:
            assert kind.default_code != SquidieError.default_code, kind

    @pytest.mark.parametrize("kind", [kind for kind in PUBLIC if kind.__init__ is SquidieError.__init__])
    def test_without_a_message_the_class_says_what_is_wrong(self, kind: type[SquidieError]) -> None:
        assert str(kind()) == (kind.__doc__ or "").partition("\n")[0]

    def test_a_code_and_details_may_be_given(self) -> None:
        error = SquidieError("m", code="special", details={"a": 1})
        assert (error.code, error.details) == ("special", {"a": 1})

    def test_an_unavailable_store_says_what_became_of_the_request(self) -> None:
        assert isinstance(Unavailable(), StorageError)
        assert Unavailable().outcome == "none"
        assert Unavailable(outcome="unknown").details == {"outcome": "unknown"}

    def test_one_about_a_definition_lists_every_problem(self) -> None:
        problems = [Problem(code=code, place="p", message="m") for code in ("one", "two")]
        error = DefinitionError("W", problems)
        assert error.problems == tuple(problems)
        assert [problem["code"] for problem in error.details["problems"]] == ["one", "two"]
        assert "2 problems" in str(error)
