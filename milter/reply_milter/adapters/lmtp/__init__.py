"""LMTP (RFC 2033): what the MTA hands accepted replies to. A place and a share of memory for each handler."""

from reply_milter.adapters.lmtp.lanes import Lanes
from reply_milter.adapters.lmtp.server import LmtpServer

__all__ = ["Lanes", "LmtpServer"]
