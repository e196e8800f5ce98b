"""Workers, cache and goals of all benches."""
