"""Settings and configuration made into the objects that flows work with."""
