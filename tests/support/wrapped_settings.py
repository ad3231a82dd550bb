"""Tables to append to a configuration of ``init``: Gitea at git.example.com, wrapped."""

WRAPPED = """
[sign]
socket = "unix:/tmp/none/sign.sock"
[[sign.application]]
name = "gitea"
handlers = ["gitea"]
logins = ["gitea"]
[delivery]
listen = "unix:/tmp/none/lmtp.sock"
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{key}@git.example.com"
from = ["noreply@git.example.com"]
open = ["incoming+*-issue@git.example.com"]
bounces = ["verp-*@git.example.com"]
[handler.delivery]
type = "maildir"
path = "/tmp/none/maildir"
"""
