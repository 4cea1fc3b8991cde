"""Squidie's journals in PostgreSQL and SQLite."""
