"""What a workflow compiles to: plain, immutable data that is stored once by its content and pinned to runs."""
