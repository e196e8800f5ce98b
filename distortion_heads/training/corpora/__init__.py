"""Labelled datasets, read as their owners distribute them."""
