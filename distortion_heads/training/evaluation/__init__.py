"""Repeated train-and-test measurements on labelled datasets."""
