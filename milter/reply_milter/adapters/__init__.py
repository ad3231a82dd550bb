"""One room for each outside thing, and the only place where it is imported."""
