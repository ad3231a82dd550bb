<?php

declare(strict_types=1);

namespace ReplyMilter;

/** The keys of keys.toml that are in use. */
final class MasterKeys
{
    /** @param list<string> $live */
    public function __construct(
        /** The one that mints, 32 octets. */
        public readonly string $active,
        /** All that verify, oldest first. */
        public readonly array $live,
    ) {
    }

    /** @return array<string, int> what a dump may show */
    public function __debugInfo(): array
    {
        return ['live' => count($this->live)];
    }
}
