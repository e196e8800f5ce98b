"""distortion-heads."""
