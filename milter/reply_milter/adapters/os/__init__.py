"""What the operating system offers: processes, control channels, sockets, files, systemd, the clock."""
