"""Wrapping: reply addresses of ours that stand for the reply addresses of an application that knows nothing of us."""
