"""The scalability report: heads attached one by one, and what hundreds of them cost."""
