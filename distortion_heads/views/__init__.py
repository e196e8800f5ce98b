"""Pixels to what heads look at: windows, patches, light, runs of frames."""
