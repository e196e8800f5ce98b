"""Mixtures of our own distortions, labelled by what can be seen of each."""
