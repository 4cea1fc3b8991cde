"""Squidie's Redis leases, delivery queue and notifier: empty so far, nothing can be imported from it yet."""
