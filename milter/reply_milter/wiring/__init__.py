"""Builds the objects that flows work with, from the configuration and its key files."""
