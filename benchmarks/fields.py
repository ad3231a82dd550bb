"""Header fields of the messages: a dozen, as a mail program makes them; or 25, as they come from a large provider."""

ALICE = "alice@client.example"
_RECEIVED = (
    "from client.example (client.example [192.0.2.1])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)"
    "\n\tby mx.example.com (Postfix) with ESMTPS id {queue}\n\tfor <{to}>; Tue, 24 Nov 2026 10:00:00 +0000 (UTC)"
)
_SIGNATURE = "Yc3fQ9Rk0b7mT2xWvN8sJ4hLzA1pGdEuIoKqXyBnCtVwMrZe" * 4
_SEALED = f"a=rsa-sha256; t=1795514399; cv=none; d=provider.example; s=arc-2026;\n        b={_SIGNATURE}"
_SIGNED = (
    "a=rsa-sha256; c=relaxed/relaxed; d=client.example; s=2026; t=1795514399;\n        x=1796119199;"
    " h=to:subject:message-id:date:from:in-reply-to:references:mime-version;\n"
    f"        bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=;\n        b={_SIGNATURE}"
)
_HOP = (
    "from {sender} ({sender} [198.51.100.{number}])\n        by {by} with SMTPS id x{number}sor1234567qkd;"
    "\n        Tue, 24 Nov 2026 01:59:5{number} -0800 (PST)"
)


def fields(number: int, to: str, answers: str, queue: str) -> list[tuple[str, str]]:
    """A reply to the Message-ID ``answers`` (without brackets), or an ordinary message if that is empty."""
    threaded = [("In-Reply-To", f"<{answers}>"), ("References", f"<{answers}>")] if answers else []
    return [
        ("Received", _RECEIVED.format(queue=queue, to=to)),
        ("Message-ID", f"<{number}.{queue}@client.example>"),
        ("Date", "Tue, 24 Nov 2026 10:00:00 +0000"),
        ("MIME-Version", "1.0"),
        ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.4.0"),
        ("Subject", "Re: [shop/orders] A parcel is missing"),
        ("Content-Language", "en-GB"),
        ("To", to),
        *threaded,
        ("From", f"Alice Example <{ALICE}>"),
        ("Content-Type", "text/plain; charset=UTF-8; format=flowed"),
        ("Content-Transfer-Encoding", "8bit"),
    ]


def many_fields(number: int, to: str, answers: str, queue: str) -> list[tuple[str, str]]:
    """The same with what a large provider adds: 25 fields in all."""
    own = fields(number, to, answers, queue)
    return [own[0], *_provider()[: 25 - len(own)], *own[1:]]


def _provider() -> list[tuple[str, str]]:
    hops = [("mail.provider.example", "mx.provider.example"), ("2002:a05:6e02:1be8", "mail.provider.example")]
    return [
        *[("Received", _HOP.format(sender=one, by=by, number=place)) for place, (one, by) in enumerate(hops, 1)],
        ("X-Received", "by 2002:a05:6e02:1be8 with SMTP id y8mr4567890; Tue, 24 Nov 2026 01:59:59 -0800 (PST)"),
        ("DKIM-Signature", f"v=1; {_SIGNED}"),
        ("X-Provider-DKIM-Signature", f"v=1; {_SIGNED}"),
        ("ARC-Seal", f"i=1; {_SEALED}"),
        ("ARC-Message-Signature", f"i=1; {_SIGNED}"),
        ("ARC-Authentication-Results", "i=1; mx.provider.example; dkim=pass header.i=@client.example; spf=pass"),
        ("Return-Path", f"<{ALICE}>"),
        ("X-Provider-Message-State", "AOJu0Yx5mB3v" * 8),
        ("X-Provider-Source", "AGHT+IFq8c0w" * 8),
        ("X-Provider-Spam-Score", "-1.2"),
        ("Thread-Topic", "[shop/orders] A parcel is missing"),
        ("X-Originating-IP", "[203.0.113.7]"),
    ]
