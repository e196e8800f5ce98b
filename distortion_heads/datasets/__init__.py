"""Labelled pictures, one record each."""
