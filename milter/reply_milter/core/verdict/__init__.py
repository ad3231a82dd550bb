"""What can become of a message, why, and who decides it."""
