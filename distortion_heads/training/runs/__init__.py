"""What `dheads train` does, one module for each way."""
