"""The milter protocol, version 6, as libmilter speaks it: octets in, commands out; answers and edits as octets."""
