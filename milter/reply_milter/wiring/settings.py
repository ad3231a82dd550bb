"""Settings: a configuration with the keys that it names. Needs neither a milter library nor a store."""

import json
from dataclasses import asdict, dataclass, field, replace

from reply_milter import config as configuration
from reply_milter.adapters import keyfile
from reply_milter.adapters.public_suffixes import organisational_domains
from reply_milter.config import Config
from reply_milter.core.rules.authentication import no_owner
from reply_milter.core.token.keyring import Keyring, MasterKey
from reply_milter.core.verdict.handler import Handlers
from reply_milter.flows.service import MintingRules, Rules

# What was opened, locked or forked with can't change under a running daemon.
FIXED = ("state_dir", "verify", "sign", "store_url", "metrics", "metrics_access")


@dataclass(frozen=True, slots=True)
class SourceTexts:
    """What settings were read from, and where the keys' texts lay. ``secrets``: of applications, by their names."""

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
        """Where the master keys lie."""
        return self.texts.keys_path

    def rules(self) -> Rules:
        """What the verifying flows need of it."""
        config = self.config
        return Rules(
            form=config.form,
            keyring=self.keyring,
            handlers=config.handlers,
            policy=config.policy,
            seal_keys=self.seal_keys,
            peers=config.peers,
            authserv_id=config.authserv_id,
            max_message_bytes=config.max_message_bytes,
            forged_per_minute=config.forged_per_minute,
            accept_without_store=config.accept_without_store,
            organisational=organisational_domains() if config.authserv_id else no_owner,
            parks_in_hook=config.delivery is not None,
            hook_commits=not config.commit_on_accept,
        )

    def minting_rules(self) -> MintingRules:
        """What the minting flow needs of it."""
        config = self.config
        return MintingRules(
            form=config.form,
            keyring=self.keyring,
            handlers=self._mintable(),
            trusted=config.trusted,
            applications=tuple(
                replace(one, secret=self.application_secrets.get(one.name, b"")) for one in config.applications
            ),
        )

    def _mintable(self) -> Handlers:
        """All handlers but the hook's own: an address of that would answer a question that nobody was asked."""
        hook = self.config.delivery
        own = hook.confirmation.handler_id if hook else None
        return Handlers.of(one for one in self.config.handlers.by_id.values() if one.id != own)

    def in_place_of(self, old: "Settings") -> "Settings":
        """These settings for a daemon that runs with ``old`` ones: what takes a restart stays as it is."""
        kept = {name: getattr(old.config, name) for name in FIXED}
        hook, running = self.config.delivery, old.config.delivery
        if hook is None or running is None:  # nobody starts or ends a hook now, so what commits stays as well
            kept |= {"delivery": running, "commit_on_accept": old.config.commit_on_accept}
        else:
            kept["delivery"] = replace(hook, place=running.place, concurrency=running.concurrency)
        return replace(self, config=replace(self.config, **kept))

    def needs_restart(self, old: "Settings") -> list[str]:
        """What differs from ``old`` settings in a way that ``in_place_of`` does not follow: names of settings."""
        names = [name for name in FIXED if getattr(self.config, name) != getattr(old.config, name)]
        hook, running = self.config.delivery, old.config.delivery
        if hook is None or running is None:
            return names + ["delivery"] * (hook is not running)
        fixed = ("place", "concurrency")
        return names + ["delivery"] * any(getattr(hook, name) != getattr(running, name) for name in fixed)

    def with_keys(self, keys: tuple[MasterKey, ...]) -> "Settings":
        """These settings with other master keys, for a command that has written them. ``packed`` has the old ones."""
        return replace(self, keyring=Keyring(self.config.realm, keys))

    def packed(self) -> bytes:
        """Everything that ``unpack`` needs to make them anew, in another process."""
        return json.dumps(asdict(self.texts)).encode()


def unpack(packed: bytes) -> Settings:
    """Settings that another process read and found good."""
    texts = SourceTexts(**json.loads(packed))
    config = configuration.parse(texts.config)
    keys = keyfile.parse_master_keys(texts.keys, texts.keys_path)
    seals = keyfile.parse_seal_keys(texts.seals, texts.seal_path)
    secrets = {name: keyfile.parse_application_secret(secret, name) for name, secret in texts.secrets.items()}
    return Settings(config, Keyring(config.realm, keys), seals, texts, secrets)
