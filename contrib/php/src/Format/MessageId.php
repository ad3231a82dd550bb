<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

use ReplyMilter\MintError;

/** Message-IDs of notifications: token-format.md section 6. */
final class MessageId
{
    private const LONGEST = 900; // octets: it must fit a line behind References
    private const LONGEST_READ = 998;
    private const BLANK_OR_BRACKET
        = '/[<>\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]/u';

    /** Whether an address may be minted for this id, which has no angle brackets: a reply must be able to name it. */
    public static function isMintable(string $id): bool
    {
        // On text that is not UTF-8, preg_match returns false.
        return strlen($id) <= self::LONGEST && str_contains($id, '@') && preg_match(self::BLANK_OR_BRACKET, $id) === 0;
    }

    /** The id of a Message-ID that an application gives, without its angle brackets. */
    public static function mintable(string $given): string
    {
        $isBracketed = str_starts_with($given, '<') && str_ends_with($given, '>');
        $id = $isBracketed ? substr($given, 1, -1) : $given;
        if (self::isMintable($id)) {
            return $id;
        }
        throw new MintError('a Message-ID looks like <left@right>, in at most 900 octets without white space');
    }

    /**
     * Locator and replied-to of an id of the recommended form; null for any other.
     *
     * @return array{locator: string, repliedTo: int}|null
     */
    public static function parse(string $id): ?array
    {
        $form = '~\A(.+)/([1-9][0-9]{0,11})(?:\.[A-Za-z0-9]+)?@[^@/]+\z~s';
        if (strlen($id) > self::LONGEST_READ || preg_match($form, $id, $found) !== 1 || !Arguments::isLocator($found[1])) {
            return null;
        }
        return ['locator' => $found[1], 'repliedTo' => (int) $found[2]];
    }

    /** An id of the recommended form, without angle brackets. `$seconds`: Unix time. */
    public static function write(string $locator, int $seconds, ?string $unique, string $domain): string
    {
        $unique ??= bin2hex(random_bytes(5));
        if (preg_match('/\A[A-Za-z0-9]{1,64}\z/', $unique) !== 1) {
            throw new MintError('unique must be 1 to 64 of A-Za-z0-9');
        }
        return "$locator/$seconds.$unique@$domain";
    }
}
