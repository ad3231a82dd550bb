"""One notification that asks for a reply address."""
