"""What is looked at in a reply before it is taken."""
