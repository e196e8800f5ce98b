"""Clean pictures and clips to distorted ones."""
