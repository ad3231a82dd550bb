"""Settings: a configuration with the keys that it names. Imports neither a milter library nor a store."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from reply_milter import config as configuration
from reply_milter.adapters import keyfile
from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.config import Config
from reply_milter.core.rules.authentication import no_owner
from reply_milter.core.token.keyring import Keyring, MasterKey
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.service import MintingRules, Rules

# What was opened or forked with can't change under a running daemon, by table; neither can state_dir, which is locked.
FIXED: Mapping[str, tuple[str, ...]] = {
    "verify": ("place", "engine"),
    "sign": ("place",),
    "store": ("url",),
    "metrics": ("listen", "tls_cert", "tls_key", "user", "password_file"),
    "delivery": ("place", "concurrency"),
}


@dataclass(frozen=True, slots=True)
class SourceTexts:
    """The texts that settings were read from, and the paths of the key files. ``secrets``: of applications, by name."""

    config: str = field(repr=False)
    keys: str = field(repr=False)
    seals: str = field(repr=False)
    keys_path: str
    seal_path: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """A configuration with the keys that it names."""

    config: Config
    keyring: Keyring
    seal_keys: tuple[bytes, ...] = field(repr=False)
    texts: SourceTexts
    application_secrets: dict[str, bytes] = field(default_factory=dict, repr=False)  # digests, by name

    @property
    def keys_path(self) -> str:
        """The path of the master keys."""
        return self.texts.keys_path

    def rules(self, authserv_id: str | None = None) -> Rules:
        """Return what the verifying flows need. ``authserv_id``: of a mailbox's provider, in place of the milters'."""
        config = self.config
        trusted = config.verify.authserv_id if authserv_id is None else authserv_id
        return Rules(
            form=config.form,
            keyring=self.keyring,
            handlers=config.handlers,
            policy=config.policy,
            seal_keys=self.seal_keys,
            verify=replace(config.verify, authserv_id=trusted),
            store=config.store,
            organisational=organisational_domains() if trusted else no_owner,
            parks_in_hook=config.delivery is not None,
            hook_commits=not config.replay.commit_on_accept,
        )

    def minting_rules(self) -> MintingRules:
        """Return what the minting flow needs."""
        sign = self.config.sign
        secrets = self.application_secrets
        applications = tuple(replace(one, secret=secrets.get(one.name, b"")) for one in sign.applications)
        return MintingRules(
            form=self.config.form,
            keyring=self.keyring,
            handlers=self._mintable(),
            sign=replace(sign, applications=applications),
        )

    def _mintable(self) -> Handlers:
        """Return all handlers but the hook's own: its addresses answer questions that only the hook asks."""
        hook = self.config.delivery
        own = hook.confirmation.handler_id if hook else None
        return Handlers.of(one for one in self.config.handlers.by_id.values() if one.id != own)

    def in_place_of(self, old: "Settings") -> "Settings":
        """Return these settings for a daemon that runs with ``old`` ones: what needs a restart stays as it is."""
        config, running = self.config, old.config
        kept = {table: _keep(getattr(config, table), getattr(running, table), keys) for table, keys in FIXED.items()}
        if config.delivery is None or running.delivery is None:  # no hook starts or ends now: what commits stays, too
            kept["replay"] = replace(config.replay, commit_on_accept=running.replay.commit_on_accept)
        new = {one.name: one for one in config.imap}
        kept["imap"] = tuple(new.get(one.name, one) for one in running.imap)  # a process each, no more and no less
        return replace(self, config=replace(config, state_dir=running.state_dir, **kept))

    def needs_restart(self, old: "Settings") -> list[str]:
        """Name the settings that differ from ``old`` ones, and that ``in_place_of`` does not follow."""
        names = ["state_dir"] if self.config.state_dir != old.config.state_dir else []
        names += ["imap"] * ([one.name for one in self.config.imap] != [one.name for one in old.config.imap])
        for table, keys in FIXED.items():
            new, running = getattr(self.config, table), getattr(old.config, table)
            if new is None or running is None:
                names += [table] * (new is not running)
            else:
                changed = (key for key in keys if getattr(new, key) != getattr(running, key))
                names += [table if key == "place" else f"{table}.{key}" for key in changed]
        return names

    def with_keys(self, keys: tuple[MasterKey, ...]) -> "Settings":
        """Return these settings with master keys that a command has written. ``packed`` still has the old ones."""
        return replace(self, keyring=Keyring(self.config.realm, keys))

    def packed(self) -> bytes:
        """Return everything that ``unpack`` needs to make the settings again in another process."""
        return json.dumps(asdict(self.texts)).encode()


def unpack(packed: bytes) -> Settings:
    """Make the settings that another process read and found good."""
    texts = SourceTexts(**json.loads(packed))
    config = configuration.parse(texts.config)
    keys = keyfile.parse_master_keys(texts.keys, texts.keys_path)
    seals = keyfile.parse_seal_keys(texts.seals, texts.seal_path)
    secrets = {name: keyfile.parse_application_secret(secret, name) for name, secret in texts.secrets.items()}
    return Settings(config, Keyring(config.realm, keys), seals, texts, secrets)


def _keep(new: Any, running: Any, keys: tuple[str, ...]) -> Any:
    """Return the ``new`` table with ``keys`` as ``running`` has them; a table is neither added nor taken away."""
    if new is None or running is None:
        return running
    return replace(new, **{key: getattr(running, key) for key in keys})
