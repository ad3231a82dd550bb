"""Postfix settings that let mail past us, or bite. Values as ``postconf -x`` shows them; rules in the other modules."""
