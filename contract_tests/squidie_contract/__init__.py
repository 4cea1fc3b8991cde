"""Squidie's contract suite for adapters: empty so far, nothing can be imported from it yet."""
