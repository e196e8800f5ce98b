"""Distortions by other libraries: one module per library or two; nothing here is ever trained or tuned on."""
