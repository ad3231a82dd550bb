"""The configuration that ``init`` writes: the template, changed as the command line asks."""

import base64
import json
import re
from dataclasses import dataclass
from importlib.resources import files

from reply_milter.adapters.keyfile import new_secret

_HOOK = '# [delivery]\n# listen = "unix:/var/spool/postfix/reply-milter/lmtp.sock"'
_KINDS = "webhook, command, maildir, lmtp, smtp, discourse, mail_room, or a plug-in"
_WEBHOOK = f"""\
# [handler.delivery]                 # one of {_KINDS}: docs/delivery.md
# type = "webhook"
# url = "http://127.0.0.1:8000/replies"
# secret = "whsec_..."
"""
_SIGN = '# [sign]\n# socket = "unix:/var/spool/postfix/reply-milter/sign.sock"'
_ASKER = """\
# [[sign.application]]               # who may ask; all proofs that are listed must hold
# name = "shop"
# handlers = ["issue"]               # only for these
# logins = ["shop@example.com"]      # as the submission service authenticates it
"""
_MODE = 'mode = "enforce"                     # "observe" evaluates'
_OBSERVE = 'mode = "observe"                     # "enforce" later; "observe" evaluates'


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the configuration is to be. ``webhook``: a URL, empty for none; ``application``: one of ``applications``."""

    domain: str
    realm: str
    folder: str
    state_dir: str
    observe: bool = False
    webhook: str = ""
    application: str = ""


def applications() -> dict[str, str]:
    """Return the tables of each application that can be wrapped, by its name."""
    blocks = _data("applications.toml").split("[[handler]]\n")[1:]
    named = {re.findall(r'(?m)^name = "(.*)"$', block)[0]: block for block in blocks}
    return {name: f"[[handler]]\n{block.rstrip()}\n" for name, block in named.items()}


def configuration(wishes: Wishes) -> str:
    """Return the text of the file."""
    text = _data("reply-milter.toml")
    if wishes.observe:
        text = text.replace(_MODE, _OBSERVE)
    if wishes.webhook or wishes.application:
        text = text.replace(_HOOK, _HOOK.replace("# ", ""))
    if wishes.webhook:
        text = text.replace(_WEBHOOK, _webhook(wishes.webhook))
    if wishes.application:
        text = _with_application(text, wishes.application)
    values = {"REALM": wishes.realm, "DOMAIN": wishes.domain, "DIR": wishes.folder, "STATE_DIR": wishes.state_dir}
    for name, value in {**values, "BASE": _base(wishes.domain)}.items():
        text = text.replace(f"@{name}@", value)
    return text


def _data(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _webhook(url: str) -> str:
    """Return the table of a webhook with a new secret, as Standard Webhooks writes it."""
    secret = "whsec_" + base64.b64encode(new_secret()).decode("ascii")
    return (
        '[handler.delivery]\ntype = "webhook"\n'
        f'url = {json.dumps(url)}\nsecret = "{secret}"   # for the application, too: docs/delivery.md\n'
    )


def _with_application(text: str, name: str) -> str:
    """Let ``name`` hand in notifications by a login, and wrap them."""
    text = text.replace(_SIGN, _SIGN.replace("# ", ""))
    asker = (
        f'[[sign.application]]                 # who may ask; all proofs that are listed must hold\nname = "{name}"\n'
        f'handlers = ["{name}"]\nlogins = ["{name}@@BASE@"]   # CHANGE: as the submission service authenticates it\n'
    )
    text = text.replace(_ASKER, asker)
    told = f"CHANGE address, from and delivery, as docs/applications/{name}.md says"
    return f"{text}\n# {told}\n{applications()[name]}"


def _base(domain: str) -> str:
    """Return the domain that the reply domain is probably below: ``example.com`` of ``reply.example.com``."""
    rest = domain.partition(".")[2]
    return rest if "." in rest else domain
