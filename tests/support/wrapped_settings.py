"""Tables to append to a configuration of ``init``: Gitea at git.example.com, wrapped."""


def gitea(delivery: str, more: str = "") -> str:
    """Its handler. ``delivery``: the lines of its destination; ``more``: of its wrap."""
    return f"""
[[handler]]
id = 20
name = "gitea"
context = "wrapped"
[handler.wrap]
application = "gitea"
address = "incoming+{{key}}@git.example.com"
from = ["noreply@git.example.com"]
{more}[handler.delivery]
{delivery}"""


OPEN = 'open = ["incoming+*-issue@git.example.com"]\n'
WRAPPED = """
[sign]
socket = "unix:/tmp/none/sign.sock"
[[sign.application]]
name = "gitea"
handlers = ["gitea"]
logins = ["gitea"]
[delivery]
listen = "unix:/tmp/none/lmtp.sock"
""" + gitea('type = "maildir"\npath = "/tmp/none/maildir"\n', OPEN + 'bounces = ["verp-*@git.example.com"]\n')
