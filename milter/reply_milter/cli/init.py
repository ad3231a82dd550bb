"""``init``: a commented configuration and fresh keys."""

import argparse
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from reply_milter.cli.errors import CommandError
from reply_milter.cli.init_files import CONFIG, KEYS, SEAL, USER, daemon_user, write_all
from reply_milter.cli.init_text import Wishes, applications
from reply_milter.cli.options import DEFAULT_CONFIG, add_command
from reply_milter.config.destinations import webhook_of
from reply_milter.core.diagnosis.files import Account
from reply_milter.core.mail.domain import is_host_name, to_ascii

_PLAIN = re.compile(r"[^\"\\\x00-\x1f\x7f\ud800-\udfff]+")
_REALM = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_INSTALLATION = os.path.dirname(DEFAULT_CONFIG)
_EXAMPLE = "reply.example.com"
_EXAMPLES = ("example.com", "example.net", "example.org")  # RFC 2606 section 3
# Labels of domains that a page or a message means to be replaced.
_PLACEHOLDERS = frozenset({"your", "yourdomain", "your-domain", "yourcompany", "your-company", "mydomain", "my-domain"})
_PLACEHOLDER_ENDS = frozenset({"domain", "tld", "invalid"})


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Declare the command."""
    parser = add_command(commands, "init", _run, "write DIR/reply-milter.toml and new keys; never overwrite files")
    parser.add_argument("dir", metavar="DIR", help=f"the folder; {_INSTALLATION} for an installation")
    text = f"the domain of reply addresses; needed for {_INSTALLATION}, else {_EXAMPLE} if not given"
    parser.add_argument("--domain", help=text)
    parser.add_argument("--realm", help="a name for this key space (the domain, if not given)")
    parser.add_argument("--state-dir", default="/var/lib/reply-milter", help="where the daemon keeps its data")
    parser.add_argument("--observe", action="store_true", help="refuse nothing yet; the log says what would be refused")
    parser.add_argument("--webhook", metavar="URL", default="", help="post replies there, signed with a new secret")
    text = f"wrap an application that takes replies by mail and knows nothing of this: {', '.join(applications())}"
    parser.add_argument("--application", metavar="NAME", choices=list(applications()), default="", help=text)


def _run(options: argparse.Namespace) -> int:
    wishes = _wishes(options)
    owner = daemon_user(wishes.state_dir)
    print(f"wrote {', '.join(map(str, write_all(wishes, owner)))}")
    for line in (*_notes(wishes, owner), "next:", *(f"    {command}" for command in _commands(wishes, owner))):
        print(line)
    return os.EX_OK


def write_files(folder: Path, domain: str, realm: str, state_dir: str) -> list[Path]:
    """Write a plain configuration and fresh keys for this process's user; see ``init_files.write_all``."""
    return write_all(Wishes(domain, realm, str(folder), state_dir), None)


def _wishes(options: argparse.Namespace) -> Wishes:
    """Read the command line.

    Raises:
        CommandError: EX_USAGE.
    """
    folder, state_dir = os.path.abspath(options.dir), os.path.abspath(options.state_dir)
    domain = _domain(options.domain, folder)
    realm = options.realm or domain
    if not is_host_name(domain) or not _REALM.fullmatch(realm):
        raise CommandError(os.EX_USAGE, "--domain must be a domain name, and --realm 1 to 64 of A-Za-z0-9._-")
    if not all(_PLAIN.fullmatch(name) for name in (folder, state_dir)):
        raise CommandError(
            os.EX_USAGE, "folder names with quotes, backslashes or control characters can't stand in a TOML file"
        )
    _, problems = webhook_of({"url": options.webhook}) if options.webhook else (None, [])
    if problems:
        raise CommandError(os.EX_USAGE, f"--webhook {problems[0].removeprefix('url: ')}")
    return Wishes(domain, realm, folder, state_dir, options.observe, options.webhook, options.application)


def _domain(given: str | None, folder: str) -> str:
    """Return the domain in ASCII; empty if it can have none.

    Raises:
        CommandError: EX_USAGE: an installation without a domain, or a domain that some page means to be replaced.
    """
    if given is None and folder == _INSTALLATION:
        raise CommandError(os.EX_USAGE, "name the domain of your reply addresses, as in --domain reply.YOUR.DOMAIN")
    domain = to_ascii(_EXAMPLE if given is None else given) or ""
    labels = domain.split(".")
    if not _PLACEHOLDERS.isdisjoint(labels) or labels[-1] in _PLACEHOLDER_ENDS:
        raise CommandError(os.EX_USAGE, f"{domain} is a placeholder: name a domain of yours, for replies only")
    return domain


def _notes(wishes: Wishes, owner: Account | None) -> Iterator[str]:
    """Say what an operator must know, or change, before the next commands."""
    folder = Path(wishes.folder)
    yield f"back up {folder / KEYS}: without it, every address that you send out is void"
    if owner is not None:
        yield f"{KEYS} and {SEAL} belong to {owner.name}, the daemon's user"
    elif os.geteuid() == 0:
        yield f"there is no user {USER} yet: when there is, give it {KEYS} and {SEAL}"
    if wishes.domain.endswith(_EXAMPLES):
        yield f"{wishes.domain} is an example: change mint_domain and accept_domains in {folder / CONFIG}"
    if wishes.webhook:
        yield f"{folder / CONFIG} holds the webhook's new secret, whsec_...: the application checks signatures with it"
    if wishes.application:
        page = f"docs/applications/{wishes.application}.md"
        yield f"lines marked CHANGE in {folder / CONFIG} are guesses: {page} has more"


def _commands(wishes: Wishes, owner: Account | None) -> Iterator[str]:
    """Return the next commands: under systemd for an installation, else in the foreground."""
    if wishes.folder != _INSTALLATION:
        config = shlex.quote(f"{wishes.folder}/{CONFIG}")
        yield f"reply-milter check-config --config {config}"
        yield f"reply-milter run --config {config}"
        return
    if os.geteuid() == 0 and owner is None:
        yield shlex.join(["chown", f"{USER}:", f"{wishes.folder}/{KEYS}", f"{wishes.folder}/{SEAL}"])
    yield "reply-milter check-config"
    yield "systemctl enable --now reply-milter"
    hooked = wishes.webhook or wishes.application
    yield f"reply-milter postfix attach{' --hook' if hooked else ''}{' --sign' if wishes.application else ''}"
    if wishes.webhook:
        yield f"reply-milter test-endpoint {shlex.quote(wishes.webhook)}"
    yield "reply-milter doctor --postfix /etc/postfix"
