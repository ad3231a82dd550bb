"""One room for each outside thing; no other room imports it."""
