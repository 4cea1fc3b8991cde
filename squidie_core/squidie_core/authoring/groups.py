"""Exception groups, as a task group raises them: what they hold stands for them."""

from __future__ import annotations


def leaves(error: BaseException) -> list[BaseException]:
    """What the group holds, and the groups in it; any other exception is its own and only leaf."""
    if not isinstance(error, BaseExceptionGroup):
        return [error]
    held: tuple[BaseException, ...] = error.exceptions
    return [leaf for each in held for leaf in leaves(each)]
