"""One SMTP transaction to a reply address, from RCPT to end of message."""
