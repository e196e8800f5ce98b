"""Full-reference metrics: how much a distorted picture differs from its original."""
