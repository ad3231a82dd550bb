"""Postfix settings by which mail bypasses the milter, or replies are lost. Values as ``postconf -x`` shows them."""
