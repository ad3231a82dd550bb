"""Checks of a message before the milter accepts it."""
