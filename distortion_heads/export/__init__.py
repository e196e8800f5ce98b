"""Heads for other places: as pip packages."""
