"""Annotations as contracts: converters, prepared once, from decoded plain values to what an annotation says."""

from __future__ import annotations

import warnings
from typing import Any

from squidie_core.authoring.converting import Preparation
from squidie_core.authoring.violations import ContractError, Converter, Violation, as_is

__all__ = ["AnnotationWarning", "ContractError", "Converter", "Violation", "as_is", "converter"]


class AnnotationWarning(UserWarning):
    """An annotation cannot be used as a contract; values pass unchecked."""


def converter(annotation: Any, where: str, *, strict: bool = False) -> Converter:
    """Prepare the converter for this annotation; `as_is` itself where there is nothing to do.

    `where` names the place in the warning (AnnotationWarning) about an annotation that cannot be resolved. `strict`
    refuses names that a dataclass does not have; without it they are dropped, so that data may outlive a field.
    """
    preparation = Preparation(strict=strict)
    prepared = preparation.of(annotation)
    for text in dict.fromkeys(preparation.unresolved):
        warnings.warn(
            f"{where}: the annotation {text!r} cannot be resolved, so its values pass unchecked; "
            "import the name at module level, outside TYPE_CHECKING",
            AnnotationWarning,
            stacklevel=2,
        )
    return prepared
