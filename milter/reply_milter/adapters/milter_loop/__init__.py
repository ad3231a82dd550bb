"""The MTA's milter protocol in one thread for any number of connections, without libmilter."""

from reply_milter.adapters.milter_loop.loop import MilterLoop
from reply_milter.adapters.milter_loop.spreading import COUNT_OCTETS, ConnectionCounts

__all__ = ["COUNT_OCTETS", "ConnectionCounts", "MilterLoop"]
