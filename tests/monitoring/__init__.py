"""Tests of what watches the daemon: a package, so that one host serves all of them and then ends."""
