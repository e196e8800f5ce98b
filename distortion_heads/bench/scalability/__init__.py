"""The cost of adding heads."""
