"""Training of heads (NumPy, seconds) and of networks (torch, hours)."""
