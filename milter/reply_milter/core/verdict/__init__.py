"""What can happen to a message, why, and what decides it."""
