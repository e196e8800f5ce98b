"""Heads trained on frozen features, in NumPy."""
