"""What is wrong with an installation, or will be: facts in, findings out. Reading the facts is for adapters."""
