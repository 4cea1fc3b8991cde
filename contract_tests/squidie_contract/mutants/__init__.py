"""Broken adapters: each breaks one clause, and the clause must find it out. The contract's test of itself."""
