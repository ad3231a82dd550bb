"""Replies out of a mailbox, through the flows of the milter and of the hook. ``look`` has the theory of operation."""
