<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\Token;

/** What a genuine reply address says. Times in Unix seconds. */
final class OpenedAddress
{
    public function __construct(
        /** false: its time is over. */
        public readonly bool $isValid,
        public readonly string $tokenId,
        public readonly int $user,
        public readonly string $handler,
        public readonly int $context,
        public readonly int $issued,
        public readonly int $expires,
        /** Whether it holds a tag of the address that the notification was sent to. */
        public readonly bool $isBound,
        private readonly ?string $threadKey,
    ) {
    }

    /** Whether it answers the notification of this Message-ID, which has no angle brackets. */
    public function answers(string $messageId): bool
    {
        return $this->threadKey !== null && Token::threadContext($this->threadKey, $messageId) === $this->context;
    }

    /** @return array<string, mixed> what a dump may show */
    public function __debugInfo(): array
    {
        return array_diff_key(get_object_vars($this), ['threadKey' => true]);
    }
}
