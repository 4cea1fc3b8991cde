"""The tests that hold the clauses: `test_j3_...` holds clause J3."""
