"""What is wrong with an installation, or will be: facts in, problems out. Adapters read the facts."""
