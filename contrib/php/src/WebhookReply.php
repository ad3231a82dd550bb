<?php

declare(strict_types=1);

namespace ReplyMilter;

/** A reply that the delivery hook posted. */
final class WebhookReply
{
    /**
     * @param list<string> $flaws
     * @param array<string, mixed> $payload
     */
    public function __construct(
        public readonly Reply $reply,
        /** What the author wrote, without quotation and signature. */
        public readonly string $text,
        /** What was odd about the message. */
        public readonly array $flaws,
        /** The whole object, of the shape of Postmark's inbound webhook. */
        public readonly array $payload,
    ) {
    }
}
