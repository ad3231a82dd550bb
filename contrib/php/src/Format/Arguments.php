<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

use ReplyMilter\MintError;

/** What callers give, each of its form. */
final class Arguments
{
    public const USER_LIMIT = 1 << 40;
    public const CONTEXT_LIMIT = 1 << 55;

    private const SEGMENT = '[A-Za-z0-9_~-](?:[A-Za-z0-9._~-]*[A-Za-z0-9_~-])?';
    private const LOCATOR_OCTETS = 200;

    /** A whole number below `$limit`, given as such or as decimal text. */
    public static function whole(int|string|null $value, string $what, int $limit): int
    {
        $text = (string) $value;
        if (preg_match('/\A[0-9]{1,17}\z/', $text) === 1 && (int) $text < $limit) {
            return (int) $text;
        }
        throw new MintError(sprintf('%s must be a whole number from 0 to %d', $what, $limit - 1));
    }

    public static function handlerName(string $value): string
    {
        if (self::isHandlerName($value)) {
            return $value;
        }
        throw new MintError('a handler has a name of 1 to 32 of a-z0-9._-');
    }

    public static function isHandlerName(string $value): bool
    {
        return preg_match('/\A[a-z0-9._-]{1,32}\z/', $value) === 1;
    }

    public static function locator(string $value): string
    {
        if (self::isLocator($value)) {
            return $value;
        }
        throw new MintError('a locator is made of segments of A-Za-z0-9._~- joined by /, at most 200 characters');
    }

    /** Whether `$value` may be the LOCATOR of a Message-ID: token-format.md section 6. */
    public static function isLocator(string $value): bool
    {
        $form = sprintf('#\A%1$s(?:/%1$s)*\z#', self::SEGMENT);
        $isShort = strlen($value) <= self::LOCATOR_OCTETS && !str_contains($value, '..');
        return $isShort && preg_match($form, $value) === 1;
    }
}
