"""Networks trained in torch."""
