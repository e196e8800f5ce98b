"""Files, locks, threads and processes of the operating system; knows nothing of pictures."""
