"""The daemon's processes: the supervisor, and each kind of child that it forks."""
