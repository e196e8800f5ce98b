"""Classical scores of quality that need no original: the floor that a head must be above."""
