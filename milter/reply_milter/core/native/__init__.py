"""Addresses that an application made itself: checked with its users' secrets, as it would, and stricter."""
