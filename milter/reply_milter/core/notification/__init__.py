"""What sign mode makes of a notification."""
