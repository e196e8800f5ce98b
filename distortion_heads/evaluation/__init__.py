"""Train on one part of a dataset, measure on another, and compare methods."""
