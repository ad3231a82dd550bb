"""Bytes and texts in the forms that formats and keys need."""
