"""Operators that are not ours, and how well families are found on them."""
