<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\Token;

/** What replies are for: a [[handler]] of reply-milter.toml. `$context`: "thread" or "integer". */
final class Handler
{
    private const LONGEST_DAYS = 36500;

    /** @throws MintError */
    public function __construct(
        public readonly int $id,
        public readonly string $context = 'thread',
        public readonly int $validityDays = 90,
    ) {
        if ($id < 0 || $id >= Token::HANDLER_LIMIT) {
            throw new MintError(sprintf('the id of a handler must be from 0 to %d', Token::HANDLER_LIMIT - 1));
        }
        if ($context !== 'thread' && $context !== 'integer') {
            throw new MintError('the context of a handler must be "thread" or "integer"');
        }
        if ($validityDays < 1 || $validityDays > self::LONGEST_DAYS) {
            throw new MintError(sprintf('the validityDays of a handler must be from 1 to %d', self::LONGEST_DAYS));
        }
    }
}
