<?php

declare(strict_types=1);

namespace ReplyMilter;

/** What to do with a message that came from the milter. */
final class Fate
{
    private const CALM = ['observed', 'no_token']; // what observe mode lets in every day

    /** @param array<string, string> $tags */
    private function __construct(
        /** "pass": post it. "park": ask the user on file first. "unverified": keep it, post nothing, and answer 250. */
        public readonly string $outcome,
        /** null if it is unverified. */
        public readonly ?Reply $reply,
        /** Why it is unverified: seal_missing, seal_doubled, seal_broken, observed, no_token, unknown_result. */
        public readonly string $why,
        /** The tags of a verdict whose seal is good. */
        public readonly array $tags,
    ) {
    }

    /** @param array<string, string> $tags */
    public static function known(string $result, Reply $reply, array $tags): self
    {
        return new self($result, $reply, '', $tags);
    }

    /** @param array<string, string> $tags */
    public static function unverified(string $why, array $tags = []): self
    {
        return new self('unverified', null, $why, $tags);
    }

    /** Whether somebody should look. */
    public function isAlarming(): bool
    {
        return $this->outcome === 'unverified' && !in_array($this->why, self::CALM, true);
    }
}
