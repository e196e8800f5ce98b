"""Distortions by other libraries, to measure on: a module per library; nothing here is ever trained or tuned on."""
