"""One accepted reply, from the MTA's LMTP client to the handler that takes it."""
