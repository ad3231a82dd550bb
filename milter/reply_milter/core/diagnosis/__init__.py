"""Find the problems of an installation, present and future, from facts that adapters read."""
