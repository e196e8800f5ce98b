"""Published datasets as their owners distribute them."""
