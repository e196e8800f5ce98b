"""What it costs to add heads."""
