"""Postfix's settings, read by its own programs."""
