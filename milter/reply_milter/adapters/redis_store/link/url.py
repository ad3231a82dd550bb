"""Finds mistakes in a store's URL before anything connects."""

import redis

from reply_milter.adapters.redis_store.link.deadline import connection_factory
from reply_milter.adapters.redis_store.link.target import Kind, UrlError, read_url

_FORMS = "redis://[USER:PASSWORD@]HOST[:PORT][/DB], or unix://PATH?db=DB"
_FORM_OF = {
    Kind.SINGLE: _FORMS,
    Kind.SENTINEL: "redis+sentinel://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]/NAME[/DB]",
    Kind.CLUSTER: "redis+cluster://[USER:PASSWORD@]HOST[:PORT],HOST[:PORT]",
}


def url_mistake(url: str) -> str:
    """Return what is wrong with a store's URL, without quoting it (it may hold a password); empty if it is good."""
    try:
        target = read_url(url)
        for each in (
            [url]
            if target.kind is Kind.SINGLE
            else [make(seed) for seed in target.seeds for make in (target.server_url, target.sentinel_url)]
        ):
            connection_factory(each)()
    except UrlError as error:
        return str(error)
    except (ValueError, TypeError, redis.exceptions.RedisError):
        kind = Kind.SINGLE if not url.startswith("redis+") else Kind.SENTINEL if "+sentinel" in url else Kind.CLUSTER
        return f"redis-py cannot read it: {_FORM_OF[kind]}"
    return ""
