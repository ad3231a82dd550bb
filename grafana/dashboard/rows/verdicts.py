"""What is decided, and why."""

from grafana.dashboard.panel import HANDLER, Row, lines, rate, share

_THREADLESS = f"sum by (handler) ({rate('messages_total', reason='thread_absent', **HANDLER)})"
_OF_HANDLER = f"sum by (handler) ({rate('messages_total', **HANDLER)})"

ROW = Row(
    "Verdicts and reasons",
    (
        lines(
            "Recipients by verdict",
            "Answers to reply recipients at RCPT: accept, reject (5xx) or defer (4xx). would_... is observe mode.",
            "ops",
            (f"sum by (verdict) ({rate('recipients_total')})", "{{verdict}}"),
            stacked=True,
        ),
        lines(
            "Recipients that were not accepted, by reason",
            "malformed: junk, or odd spellings. forged: a wrong checksum, an unknown handler or user. throttled: "
            "too many of those from one network. not_alone: a second reply address in one message, which comes "
            "again by itself.",
            "ops",
            (f"sum by (reason) ({rate('recipients_total', verdict='!=accept')})", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Messages by verdict",
            "What became of messages to reply addresses at their end. dropped: the reply recipient was taken off a "
            "message that others got as well.",
            "ops",
            (f"sum by (verdict) ({rate('messages_total', **HANDLER)})", "{{verdict}}"),
            stacked=True,
        ),
        lines(
            "Messages that were not accepted, by reason",
            "The first finding whose action is not accept. docs/operations.md says how to find out about one message.",
            "ops",
            (f"sum by (reason) ({rate('messages_total', verdict='!=accept', **HANDLER)})", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Accepted with a finding, by reason",
            "What policy lets pass: sender_unknown above all, where nothing is known about who may write.",
            "ops",
            (f"sum by (reason) ({rate('messages_total', verdict='accept', reason='!=ok', **HANDLER)})", "{{reason}}"),
            stacked=True,
        ),
        lines(
            "Accepted by handler",
            "What the replies were for.",
            "ops",
            (f"sum by (handler) ({rate('messages_total', verdict='accept', **HANDLER)})", "{{handler}}"),
            stacked=True,
        ),
        lines(
            "What enforce mode would do",
            "In observe mode: what would have been done, and why. Look at this for some days before you switch.",
            "ops",
            (
                f"sum by (verdict, reason) ({rate('recipients_total', verdict='=~would_.+')})",
                "RCPT {{verdict}} {{reason}}",
            ),
            (
                f"sum by (verdict, reason) ({rate('messages_total', verdict='=~would_.+', **HANDLER)})",
                "end {{verdict}} {{reason}}",
            ),
        ),
        lines(
            "Replies that answer nothing",
            "Share of messages with neither In-Reply-To nor References of ours (thread_absent), by handler. A relay "
            "that rewrites Message-ID, or a mail program that leaves both out, shows here.",
            "percentunit",
            (share(_THREADLESS, _OF_HANDLER), "{{handler}}"),
            maximum=1,
        ),
        lines(
            "Authors that were tried",
            "Authors of bound addresses who were not the one, each once an address; and addresses with twenty of them, "
            "which have leaked: a client knows a genuine address and tries authors.",
            "ops",
            (f"sum({rate('wrong_authors_total')})", "wrong authors"),
            (f"sum({rate('addresses_leaked_total')})", "addresses leaked"),
        ),
        lines(
            "Odd things",
            "Recipients that the MTA reads as another address than we do; verdict fields that came from outside and "
            "were taken off; errors of ours, after which the client comes again.",
            "ops",
            (f"sum({rate('address_disagreements_total')})", "addresses read differently"),
            (f"sum({rate('headers_stripped_total')})", "foreign verdicts taken off"),
            (f"sum({rate('internal_errors_total')})", "errors of ours"),
        ),
    ),
)
