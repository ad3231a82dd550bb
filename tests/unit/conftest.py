"""Settings for property tests: no deadline an example (machines differ), and the same examples on every run."""

from hypothesis import settings

settings.register_profile("house", deadline=None, max_examples=200, derandomize=True, database=None)
settings.load_profile("house")
