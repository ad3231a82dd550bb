"""Measures the milter beside others, with one load generator, in one run."""
