"""Figures of answers against labels."""
