"""What is wrong with a dataset, told before anyone trusts a number from it."""
