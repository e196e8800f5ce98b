"""Pictures distorted in a known part: whether maps show it."""
