"""Replies fetched from mailboxes on somebody else's servers."""
