<?php

declare(strict_types=1);

namespace ReplyMilter\Tests;

final class Failed extends \RuntimeException
{
}

/** Fail unless both are identical. */
function same(mixed $expected, mixed $found, string $of = ''): void
{
    if ($expected !== $found) {
        throw new Failed(sprintf('%s: expected %s, found %s', $of, var_export($expected, true), var_export($found, true)));
    }
}

/**
 * Fail unless the call throws an error of this class, with these words; returns the error.
 *
 * @param class-string<\Throwable> $class
 */
function throws(string $class, \Closure $call, string $words = ''): \Throwable
{
    try {
        $call();
    } catch (\Throwable $error) {
        same(true, $error instanceof $class, $error::class . ': ' . $error->getMessage());
        same(true, $words === '' || str_contains($error->getMessage(), $words), $error->getMessage());
        return $error;
    }
    throw new Failed("nothing was thrown, $class was expected");
}
