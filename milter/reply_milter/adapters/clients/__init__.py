"""Small clients of the MTA's protocols: milter and LMTP probes, SMTP."""
