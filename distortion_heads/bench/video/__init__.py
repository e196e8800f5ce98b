"""Accuracy of the installed heads on coded clips."""
