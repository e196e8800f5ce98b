"""Features to answers: what a head holds, its file, and the bank that evaluates many at once."""
