<?php

declare(strict_types=1);

namespace ReplyMilter;

/** A reply address. Times in Unix seconds. */
final class Minted
{
    public function __construct(
        public readonly string $address,
        /** With angle brackets. Send the notification with it: the answer must name it. */
        public readonly string $messageId,
        public readonly int $issued,
        public readonly int $expires,
        public readonly int $user,
        public readonly int $context,
    ) {
    }

    /**
     * What the notification's header needs.
     *
     * @return array<string, string>
     */
    public function headers(): array
    {
        return [
            'Reply-To' => $this->address,
            'Message-ID' => $this->messageId,
            'References' => $this->messageId,
            'Auto-Submitted' => 'auto-generated',
        ];
    }
}
