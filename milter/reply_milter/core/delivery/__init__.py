"""What a handler gets, and what becomes of a reply behind the MTA."""
