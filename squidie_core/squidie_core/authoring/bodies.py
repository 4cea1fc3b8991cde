"""Bodies prepared for execution: everything that reflection can say is settled once, before the first run."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from squidie_core.authoring.containers import MAPPINGS
from squidie_core.authoring.context import StepContext
from squidie_core.authoring.contracts import ContractError, Converter, Violation, as_is, converter
from squidie_core.authoring.converting import unwrapped
from squidie_core.authoring.groups import leaves
from squidie_core.authoring.outcomes import Defer, FailStep, RetryStep
from squidie_core.authoring.policies import Retry
from squidie_core.authoring.signatures import Needed, Signature, read_signature
from squidie_core.authoring.steps import body_name
from squidie_core.authoring.violations import MISSING, below
from squidie_core.definition.model import Parameter
from squidie_core.journal.values import decode, decode_mapping, encode, encode_mapping


class Body:
    """A step's body, or a compensation, ready to be called. Immutable; safe to share between threads.

    `body.function(**body.call_arguments(input, ctx))` calls it; `body.accept_result(value)` takes what came of that
    (awaited first where `is_async`).
    """

    __slots__ = (
        "_check",
        "_everything",
        "_inputs",
        "_named_parameters",
        "_required",
        "_resources",
        "_transactions",
        "_trusted",
        "context_parameter",
        "function",
        "is_async",
        "output",
        "parameters",
        "place",
        "resources",
        "retry",
        "step",
        "transactions",
        "uses_context",
    )

    def __init__(
        self,
        step: str,
        function: Callable[..., Any],
        *,
        output: str | None = None,
        retry: Retry | None = None,
        signature: Signature | None = None,
        what: str = "step",
    ) -> None:
        read = read_signature(function) if signature is None else signature
        self.step = step
        self.place = f"{what} {step!r}"
        self.function = function
        self.output = output
        self.retry = retry
        self.is_async = read.is_async
        self.context_parameter = read.context
        self.resources: tuple[Needed, ...] = tuple(read.resources)
        """The resources it takes: `name` of the parameter, `kind`, `required`."""
        self.transactions: tuple[Needed, ...] = tuple(read.transactions)
        """The parameters that take its transaction, and as what."""
        self.uses_context = bool(read.context or self.resources or self.transactions)
        """Whether it takes anything from the attempt that it runs in."""
        self.parameters: tuple[Parameter, ...] | None = parameters_of(read)
        """What it takes from its input; None: all there is."""
        where = f"{self.place} ({body_name(function)})"
        self._inputs = tuple(
            (item.name, _prepared(item.annotation, f"{where}, parameter {item.name}")) for item in read.taken
        )
        self._required = frozenset(item.name for item in read.taken if item.required)
        self._everything: Converter | None = None
        if read.takes_everything:
            self._everything = converter(read.everything, f"{where}, **parameter")
        self._named_parameters = {item.name for item in read.taken} | {item.name for item in read.resources}
        self._named_parameters |= {item.name for item in read.transactions}
        self._named_parameters |= {read.context or ""}
        self._resources = tuple((item.name, item.kind, item.required) for item in read.resources)
        self._transactions = tuple((item.name, handle_type(item)) for item in read.transactions)
        self._check = _prepared(read.returns, f"{where}, return")
        self._trusted = _trusted(read.returns)

    def call_arguments(
        self,
        input: Mapping[str, Any],  # noqa: A002  # the word
        ctx: StepContext | None,
    ) -> dict[str, Any]:
        """The keyword arguments for the function, from the step's stored input; `ctx` where it `uses_context`.

        Nothing in them is shared with `input`. Raises ContractError (`invalid_step_input`), MissingResourceError and
        NoTransactionError.
        """
        arguments: dict[str, Any] = {}
        try:
            for name, convert in self._inputs:
                if name in input:
                    value = input[name]
                    if isinstance(value, dict | list):
                        value = decode(value)
                    arguments[name] = value if convert is None else convert(value)
        except ContractError:
            raise self._input_error(input) from None
        if len(arguments) < len(self._inputs) and not self._required <= input.keys():
            raise self._input_error(input)
        if self._everything is not None:
            self._take_everything(arguments, input, self._everything)
        if ctx is not None:
            self._take_context(arguments, ctx)
        return arguments

    def _take_context(self, arguments: dict[str, Any], ctx: StepContext) -> None:
        if self.context_parameter is not None:
            arguments[self.context_parameter] = ctx
        for name, kind, required in self._resources:
            if required or kind in ctx.resources:
                arguments[name] = ctx.resource(kind)
        for name, kind in self._transactions:
            arguments[name] = ctx.transaction(kind)

    def _take_everything(self, arguments: dict[str, Any], given: Mapping[str, Any], convert: Converter) -> None:
        for name in given:
            if name not in self._named_parameters:
                try:
                    arguments[name] = convert(decode(given[name]))
                except ContractError as error:
                    raise self._refused(below(name, error)) from None

    def _input_error(self, given: Mapping[str, Any]) -> ContractError:
        """All that is wrong with the input, found again: the way to here stops at the first."""
        violations: list[Violation] = []
        for name, convert in self._inputs:
            if name not in given:
                if name in self._required:
                    violations.append(Violation((name,), "given", MISSING))
            elif convert is not None:
                try:
                    convert(decode(given[name]))
                except ContractError as error:
                    violations += below(name, error)
        return self._refused(violations)

    def _refused(self, violations: Sequence[Violation]) -> ContractError:
        return ContractError(violations, f"input of {self.place}", "invalid_step_input")

    def accept_result(self, value: Any) -> dict[str, Any] | Defer:
        """What the body returned, as the plain JSON mapping that enters the run's context, or its Defer.

        The mapping is under the step's `output` name already. Raises ContractError (`invalid_step_result`) for what is
        not what the body's annotation says or has no names, and EncodingError for what cannot be stored.
        """
        if isinstance(value, Defer):
            return value
        if self.output is not None:
            plain = encode(value, f"result of {self.place}")
            accepted: dict[str, Any] = {self.output: plain}
        else:
            plain = accepted = self._named(value)
        if self._check is not None and type(value) is not self._trusted:
            try:
                self._check(_decoded(plain, named=self.output is None) if value is not None else None)
            except ContractError as error:
                raise ContractError(error.violations, f"result of {self.place}", "invalid_step_result") from error
        return accepted

    def _named(self, value: Any) -> dict[str, Any]:
        what = f"result of {self.place}"
        if value is None:
            return {}
        if isinstance(value, Mapping):
            return encode_mapping(cast("Mapping[str, Any]", value), what)
        if (dataclasses.is_dataclass(value) or hasattr(value, "model_dump")) and not isinstance(value, type):
            plain = encode(value, what)
            if isinstance(plain, dict):
                return cast("dict[str, Any]", plain)
        expected = "a mapping, a dataclass or None where the step has no output= name"
        violation = Violation((), expected, type(value).__name__)
        raise ContractError([violation], what, "invalid_step_result")

    def read_result(self, result: Mapping[str, Any]) -> Any:
        """What the body returned, from the mapping that `accept_result` gave, as its annotation says.

        Raises ContractError where the annotation has changed since and no longer says that.
        """
        value = _decoded(result if self.output is None else result[self.output], named=self.output is None)
        if self._check is None:
            return value
        try:
            return self._check(value)
        except ContractError as error:
            if value == {} and self._gives_nothing():
                return None
            raise ContractError(error.violations, f"result of {self.place}", "invalid_step_result") from error

    def _gives_nothing(self) -> bool:
        try:
            return self._check is None or self._check(None) is None
        except ContractError:
            return False

    def is_retryable(self, error: BaseException) -> bool:
        """Whether the step's policy would try again after this exception, attempts permitting.

        Never one that means to end the program; the cancellation of something that the body awaited is none of those.
        A group is tried again where all that it holds would be.
        """
        return all(self._is_retryable(leaf) for leaf in leaves(error))

    def _is_retryable(self, error: BaseException) -> bool:
        if isinstance(error, RetryStep):
            return True
        if isinstance(error, FailStep | ContractError | SystemExit | KeyboardInterrupt | GeneratorExit):
            return False
        if self.retry is None:
            return True
        if isinstance(error, self.retry.give_up_on):
            return False
        return not self.retry.retry_on or isinstance(error, self.retry.retry_on)

    def __repr__(self) -> str:
        return f"<Body {body_name(self.function)} of {self.place}>"


def handle_type(needed: Needed) -> type:
    """The class of connection that the parameter wants, without what stands in brackets behind it."""
    return cast("type", typing.get_origin(needed.kind) or needed.kind)


def _decoded(plain: Any, *, named: bool) -> Any:
    """The stored value; `named`: a mapping whose keys are names of the context, whatever they are."""
    return decode_mapping(plain) if named else decode(plain)


def parameters_of(signature: Signature) -> tuple[Parameter, ...] | None:
    """What the definition says of a body's parameters."""
    if signature.takes_everything:
        return None
    return tuple(Parameter(name=item.name, required=item.required) for item in signature.taken)


def _prepared(annotation: Any, where: str) -> Converter | None:
    """The converter, or None where it would do nothing."""
    prepared = converter(annotation, where)
    return None if prepared is as_is else prepared


def _trusted(annotation: Any) -> Any:
    """The class whose instances need no look inside to be what the annotation says."""
    annotation = unwrapped(annotation)
    if dataclasses.is_dataclass(annotation):
        return annotation
    origin = typing.get_origin(annotation) or annotation
    return dict if origin in MAPPINGS and typing.get_args(annotation) in ((), (str, Any)) else None
