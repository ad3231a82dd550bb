"""Replies after the MTA: their form for handlers, outcomes, parking, dead letters."""
