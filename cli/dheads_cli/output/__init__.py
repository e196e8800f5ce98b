"""Where results go: the formats of `predict`, tables, cards and progress."""
