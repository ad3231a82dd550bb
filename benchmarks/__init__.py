"""Measure the milter and others with one load generator, in one run."""
