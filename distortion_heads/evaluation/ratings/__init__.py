"""`dheads evaluate --task quality`: scores of quality against people's ratings."""
