"""The ways of `dheads train`, one module each."""
