"""Facts: the entries of a run's thread, the text they are stored as, and the commits that carry them."""
