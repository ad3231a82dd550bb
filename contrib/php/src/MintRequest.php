<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\Arguments;

/** X-Reply-Mint: the one header field by which an application asks sign mode for a reply address. */
final class MintRequest
{
    /** The name of the field. */
    public const FIELD = 'X-Reply-Mint';

    /**
     * The value of the field for one notification to one recipient. It is plain ASCII in one line: nothing that a caller
     * gives gets into the header unchecked.
     *
     * @param string $handler the name of a [[handler]]
     * @param int|string $user your user's number, 0 to 2^40-1: the answer comes in this user's name
     * @param string|null $locator what the user answers, as a path: for handlers with context = "thread"
     * @param int|string|null $context what the user answers, as a number: for handlers with context = "integer"
     * @param string|null $key your application's secret, if the operator gave it one
     * @throws MintError
     */
    public static function value(
        string $handler,
        int|string $user,
        ?string $locator = null,
        int|string|null $context = null,
        #[\SensitiveParameter] ?string $key = null,
    ): string {
        if ($locator !== null && $context !== null) {
            throw new MintError('give locator or context, not both: each says what is answered');
        }
        $tags = [
            'handler' => Arguments::handlerName($handler),
            'user' => Arguments::whole($user, 'the user id', Arguments::USER_LIMIT),
            'locator' => $locator === null ? null : Arguments::locator($locator),
            'context' => $context === null ? null : Arguments::whole($context, 'a context', Arguments::CONTEXT_LIMIT),
            'key' => $key === null ? null : self::secret($key),
        ];
        $given = array_filter($tags, static fn (int|string|null $value): bool => $value !== null);
        return implode('; ', array_map(static fn (string $name): string => "$name=$given[$name]", array_keys($given)));
    }

    private static function secret(#[\SensitiveParameter] string $key): string
    {
        if (preg_match('/\A[!#-&(-:<-\[\]-~]{16,128}\z/', $key) === 1) {
            return $key;
        }
        throw new MintError("the key is the one line of the application's secret_file: 16 to 128 visible ASCII characters");
    }
}
