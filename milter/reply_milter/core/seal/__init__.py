"""The sealed header: written, read, and trusted again by a hook."""
