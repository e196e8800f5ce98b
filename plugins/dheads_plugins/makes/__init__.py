"""Makes: the ways in which a fault of a family comes about that no head is named after, for training family heads."""
