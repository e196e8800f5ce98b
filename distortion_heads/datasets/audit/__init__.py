"""Checks of a labelled dataset."""
