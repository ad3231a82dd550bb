"""The delivery of an accepted reply, from the MTA to its handler. ``delivery`` has the theory of operation."""
