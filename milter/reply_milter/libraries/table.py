"""What we rely on in each library, by name: what is not there is reported at the start, and not by a traceback."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Library:
    """``distribution``: its name in pyproject.toml. ``names``: ``MODULE:NAME.NAME``, followed in brackets by the
    parameters that a function or class must take. A name that ends in ``()`` is called: its result must have the rest.
    """

    distribution: str
    names: tuple[str, ...]


_CONNECTION = "redis.connection:Connection()"


LIBRARIES = (
    Library(
        "pymilter",
        (
            *(f"milter:{name}" for name in ("set_flags", "set_exception_policy", "settimeout", "register")),
            *(
                f"milter:set_{step}_callback"
                for step in ("connect", "envfrom", "envrcpt", "header", "eoh", "body", "eom")
            ),
            *(f"milter:{name}" for name in ("set_abort_callback", "set_close_callback", "setconn", "opensocket")),
            *(f"milter:{name}" for name in ("main", "error")),
            *(f"Milter:{name}" for name in ("milter", "CONTINUE", "ACCEPT", "REJECT", "TEMPFAIL")),
            *(f"Milter:{name}" for name in ("DISCARD", "NOREPLY", "SKIP")),
            *(f"Milter:{name}" for name in ("ADDHDRS", "CHGHDRS", "DELRCPT", "QUARANTINE", "error")),
            *(f"Milter:P_{step}" for step in ("NOHELO", "NOUNKNOWN", "NODATA", "NOEOH", "NOBODY", "SKIP")),
            *(f"Milter:P_NR_{step}" for step in ("CONN", "MAIL", "HDR", "EOH", "BODY")),
        ),
    ),
    Library(
        "redis",
        (
            "redis.connection:ConnectionPool.from_url",
            f"{_CONNECTION}.connect",
            f"{_CONNECTION}.disconnect",
            f"{_CONNECTION}.socket_timeout",
            f"{_CONNECTION}.socket_connect_timeout",
            f"{_CONNECTION}._connect",
            f"{_CONNECTION}._sock",
            f"{_CONNECTION}._parser.parse_error",
            "redis.connection:Connection.read_response[timeout]",
            "redis.connection:AbstractConnection[protocol,driver_info,retry,retry_on_error,health_check_interval,"
            "socket_read_size]",
            "redis.connection:SSLConnection",
            "redis.connection:UnixDomainSocketConnection",
            "redis.connection:AbstractConnection.disconnect",
            "redis.backoff:NoBackoff",
            "redis.retry:Retry",
            "redis.crc:REDIS_CLUSTER_HASH_SLOTS",
            "redis.crc:key_slot",
            *(
                f"redis.exceptions:{name}Error"
                for name in (
                    "Ask",
                    "Authentication",
                    "BusyLoading",
                    "ClusterDown",
                    "Connection",
                    "MasterDown",
                    "Moved",
                    "NoPermission",
                    "NoScript",
                    "OutOfMemory",
                    "ReadOnly",
                    "Redis",
                    "Response",
                    "Timeout",
                    "TryAgain",
                )
            ),
            "redis.exceptions:InvalidResponse",
        ),
    ),
    Library("hiredis", ("hiredis:pack_command", "hiredis:Reader().feed", "hiredis:Reader().gets")),
    Library(
        "prometheus-client",
        (
            *(f"prometheus_client:{name}" for name in ("Counter", "Gauge", "Histogram", "CollectorRegistry")),
            "prometheus_client:ProcessCollector",
            "prometheus_client:make_wsgi_app",
            "prometheus_client.core:CounterMetricFamily",
            "prometheus_client.core:GaugeMetricFamily",
            "prometheus_client.core:Metric",
            "prometheus_client.mmap_dict:MmapedDict.read_value",
            "prometheus_client.mmap_dict:MmapedDict.write_value",
            "prometheus_client.mmap_dict:MmapedDict.close",
            "prometheus_client.mmap_dict:MmapedDict.read_all_values_from_file",
            "prometheus_client.mmap_dict:mmap_key",
            "prometheus_client.multiprocess:MultiProcessCollector.merge",
            "prometheus_client.registry:Collector",
            "prometheus_client.parser:text_string_to_metric_families",
            "prometheus_client.values:ValueClass",
        ),
    ),
    Library(
        "cryptography",
        (
            "cryptography.x509:load_pem_x509_certificate",
            "cryptography.hazmat.primitives.hashes:SHA256",
            "cryptography.hazmat.primitives.kdf.hkdf:HKDFExpand.derive",
            "cryptography.hazmat.primitives.ciphers.aead:AESSIV.encrypt",
            "cryptography.hazmat.primitives.ciphers.aead:AESSIV.decrypt",
            "cryptography.exceptions:InvalidTag",
        ),
    ),
    Library("idna", ("idna:decode", "idna:IDNAError", "idna:uts46_remap[std3_rules,transitional]")),
    Library("authres", ("authres:AuthenticationResultsHeader.parse_value", "authres:AuthResError")),
    Library("publicsuffixlist", ("publicsuffixlist:PublicSuffixList.privatesuffix",)),
    Library("tqdm", ("tqdm:tqdm",)),
    Library(
        "aiosmtpd",
        (
            "aiosmtpd.lmtp:LMTP[data_size_limit,enable_SMTPUTF8,hostname,ident,timeout,loop]",
            "aiosmtpd.lmtp:LMTP.line_length_limit",
            "aiosmtpd.lmtp:LMTP.push",
            "aiosmtpd.smtp:Envelope().rcpt_tos",
            "aiosmtpd.smtp:Session",
        ),
    ),
)


AIOHTTP = Library(  # only what posts needs it, and importing it takes a tenth of a second
    "aiohttp",
    (
        "aiohttp:ClientSession[auto_decompress,connector,cookie_jar,headers,max_field_size,max_line_size,"
        "skip_auto_headers,timeout,trace_configs]",
        *(f"aiohttp:ClientSession.{name}" for name in ("close", "post")),
        "aiohttp:TCPConnector[keepalive_timeout,limit,resolver,ssl,use_dns_cache]",
        "aiohttp:ClientTimeout[sock_connect,total]",
        "aiohttp:DummyCookieJar",
        *(f"aiohttp:{name}" for name in ("ClientError", "ClientConnectorError", "ClientOSError")),
        "aiohttp:ServerDisconnectedError",
        "aiohttp:TraceConfig.on_connection_reuseconn",
        *(f"aiohttp:ClientResponse.{name}" for name in ("close", "content", "status")),
        "aiohttp:StreamReader.readany",
        *(f"aiohttp.abc:{name}" for name in ("AbstractResolver", "ResolveResult")),
        "aiohttp.client_proto:ResponseHandler[loop]",
    ),
)
YARL = Library("yarl", tuple(f"yarl:URL.{name}" for name in ("password", "raw_host", "user", "with_user")))  # aiohttp's


IMAPCLIENT = Library(  # only fetching needs it, and not every installation has it
    "IMAPClient",
    (
        "imapclient:IMAPClient[host,port,ssl]",
        *(f"imapclient:IMAPClient.{name}" for name in ("capabilities", "has_capability", "list_folders", "namespace")),
        *(f"imapclient:IMAPClient.{name}" for name in ("_create_IMAP4", "_set_read_timeout")),
        "imapclient.imap_utf7:encode",
        "imapclient.response_parser:parse_fetch_response[uid_is_key]",
        "imapclient.response_parser:parse_message_list",
        *(f"imaplib:IMAP4.{name}" for name in ("authenticate", "logout", "open", "read", "readline", "select", "send")),
        *(f"imaplib:IMAP4.{name}" for name in ("shutdown", "uid", "abort", "error", "readonly", "_quote")),
        *(f"imaplib:IMAP4.{name}" for name in ("_command", "_command_complete", "_simple_command")),
        *(f"imaplib:IMAP4.{name}" for name in ("_get_response", "_get_capabilities", "_check_bye")),
    ),
)
