"""Addresses that an application made itself: taken apart and checked with its users' secrets, as it would, and stricter."""
