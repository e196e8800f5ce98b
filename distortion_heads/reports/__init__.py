"""Answers to JSON, CSV, plots and annotated videos."""
