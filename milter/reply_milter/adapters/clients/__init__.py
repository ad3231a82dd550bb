"""Small clients of mail protocols: milter, LMTP, SMTP."""
