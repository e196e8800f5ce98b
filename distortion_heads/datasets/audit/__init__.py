"""What is wrong with a labelled dataset."""
