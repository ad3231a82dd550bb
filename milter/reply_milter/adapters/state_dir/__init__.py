"""What the daemon keeps in ``state_dir``: the lock, records, the journal, dead letters."""
