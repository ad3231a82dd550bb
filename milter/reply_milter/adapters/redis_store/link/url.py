"""Mistakes in a store's URL, found before anybody connects."""

import redis

from reply_milter.adapters.redis_store.link.deadline import connection_factory
from reply_milter.adapters.redis_store.link.target import Kind, UrlError, read_url

_FORMS = "redis://[USER:PASSWORD@]HOST[:PORT][/DB], or unix://PATH?db=DB"
_FORM_OF = {
    Kind.ALONE: _FORMS,
    Kind.SENTINEL: "redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/NAME[/DB]",
    Kind.CLUSTER: "redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]",
}


def url_mistake(url: str) -> str:
    """What is wrong with a store's URL, without the URL itself, which may hold a password; empty if nothing is."""
    try:
        target = read_url(url)
        for each in (
            [url]
            if target.kind is Kind.ALONE
            else [make(seed) for seed in target.seeds for make in (target.server_url, target.sentinel_url)]
        ):
            connection_factory(each)()
    except UrlError as error:
        return str(error)
    except (ValueError, TypeError, redis.exceptions.RedisError):
        kind = Kind.ALONE if not url.startswith("redis+") else Kind.SENTINEL if "+sentinel" in url else Kind.CLUSTER
        return f"redis-py can make nothing of it: {_FORM_OF[kind]}"
    return ""
