"""What using a declaration as something else raises."""

from __future__ import annotations

from squidie_core.errors import SquidieError


class DeclarationError(SquidieError, TypeError):
    """A declaration was used as if it were a value."""

    default_code = "not_a_value"
