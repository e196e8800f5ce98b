"""Output: the formats of `predict`, tables, cards and progress."""
