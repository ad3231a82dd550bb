"""Decides about reply-by-mail addresses at SMTP time; see README.md."""

__version__ = "0.1.0"
