"""The configuration file: TOML text in, one frozen Config out, or every mistake at once.

One module per table of the file: its settings and its reader. Reads no file; units stand in the names of the keys.
"""

import tomllib
from dataclasses import dataclass, replace

from reply_milter.config.address import address_warnings, read_address
from reply_milter.config.canary import CanarySettings, read_canary
from reply_milter.config.delivery import DeliverySettings, read_delivery
from reply_milter.config.handlers import Around, read_handlers
from reply_milter.config.imap import ImapSettings, read_imap
from reply_milter.config.keys import KeySettings, read_keys
from reply_milter.config.log import LogSettings, read_log
from reply_milter.config.metrics import MetricsSettings, read_metrics
from reply_milter.config.policy import read_policy
from reply_milter.config.replay import ReplaySettings, read_replay
from reply_milter.config.sign import SignSettings, read_sign, unknown_handlers
from reply_milter.config.store import StoreSettings, read_store
from reply_milter.config.verify import VerifySettings, read_verify
from reply_milter.config.wrapping import wrap_warnings
from reply_milter.core.encoding.toml_table import Table, matching
from reply_milter.core.token.address import AddressForm
from reply_milter.core.token.keyring import REALM
from reply_milter.core.verdict.handler import Handlers
from reply_milter.core.verdict.policy import Policy


class ConfigError(Exception):
    """The configuration can't be used. ``problems``: a line each, with file, key and reason.

    ``partial``: what could be read all the same, with defaults in place of mistakes, so that more of them can be found.
    """

    def __init__(self, problems: list[str], partial: "Config | None" = None) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.partial = partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """Every setting, checked: a value per table of the file. ``form`` is what ``[address]`` says.

    Paths are absolute, or relative to the configuration file's folder. ``delivery`` is None where replies go to a hook
    of the operator's own, or to none.
    """

    realm: str
    state_dir: str
    form: AddressForm
    keys: KeySettings
    verify: VerifySettings
    sign: SignSettings
    delivery: DeliverySettings | None
    store: StoreSettings
    replay: ReplaySettings
    policy: Policy
    metrics: MetricsSettings
    canary: CanarySettings
    log: LogSettings
    handlers: Handlers
    imap: tuple[ImapSettings, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def uses_store(self) -> bool:
        """Whether anything on this host asks the store; false on a host that only sends."""
        hook = self.delivery is not None and not self.replay.commit_on_accept
        return self.verify.place is not None or bool(self.imap) or hook


def parse(text: str) -> Config:
    """Read a configuration.

    Raises:
        ConfigError: with a line ``key: reason`` for each mistake.
    """
    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # tomllib's own error, an endless number, endless brackets
        raise ConfigError([f"not valid TOML: {error}"]) from error
    problems: list[str] = []
    config = _config(Table(values, "", problems))
    problems += unknown_handlers(config.sign.applications, config.handlers, config.delivery is not None, problems)
    if problems:
        raise ConfigError(problems, config)
    wrapping = tuple(wrap_warnings(config.handlers, config.sign.applications))
    return replace(config, warnings=config.warnings + wrapping + config.metrics.warnings)


def _config(top: Table) -> Config:
    realm = top.need("realm", "", matching(REALM.pattern, "1 to 64 of A-Za-z0-9._-"))
    state_dir = top.take("state_dir", "/var/lib/reply-milter", matching(r"/[^\x00-\x1f]*", "an absolute path"))
    form = read_address(top.table("address"))
    policy = read_policy(top.table("policy"), Policy(), with_mode=True)
    sign = read_sign(top.table("sign") if top.has("sign") else None)
    verify = read_verify(top.table("verify"), sign.place, top.has("imap"))
    delivery = None
    if top.has("delivery"):
        delivery = read_delivery(top.table("delivery"), state_dir, form.mint_domain, verify.max_message_bytes)
    config = Config(
        realm=realm,
        state_dir=state_dir,
        form=form,
        keys=read_keys(top.table("keys")),
        verify=verify,
        sign=sign,
        delivery=delivery,
        store=read_store(top.table("store"), state_dir),
        replay=read_replay(top.table("replay"), delivery is not None),
        policy=policy,
        metrics=read_metrics(top.table("metrics")),
        canary=read_canary(top.table("canary")),
        log=read_log(top.table("log")),
        handlers=read_handlers(top, Around(form, policy, delivery, sign.place is not None)),
        imap=read_imap(top, verify.authserv_id, delivery is not None),
        warnings=address_warnings(form) + (delivery.warnings if delivery else ()) + sign.warnings,
    )
    top.unknown()
    return config
