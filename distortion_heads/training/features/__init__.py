"""Features of labelled pictures."""
