"""Accuracy of the installed heads on distorted pictures."""
