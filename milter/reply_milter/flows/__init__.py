"""The order of steps of one SMTP transaction; state and sequence, nothing else."""
