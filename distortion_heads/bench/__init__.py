"""The reports of `dheads bench`."""
