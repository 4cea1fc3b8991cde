"""`python -m squidie_core.cli` is the `squidie` command."""

import sys

from squidie_core.cli.program import main

if __name__ == "__main__":
    sys.exit(main())
