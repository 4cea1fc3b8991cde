"""A harness for each of our own adapters."""
