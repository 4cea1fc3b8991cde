"""Our own adapters, each held to the contract."""
