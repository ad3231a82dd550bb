"""Reply addresses and the tokens in them: minted, read, verified, explained, revoked."""
