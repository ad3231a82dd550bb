<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

use ReplyMilter\MintError;

/** What the reply addresses of one installation look like: token-format.md sections 1 and 3. */
final class AddressForm
{
    private const LOCAL_PART_OCTETS = 64; // RFC 5321 section 4.5.3.1.1
    private const CHECKSUM_CEILING = 26;
    private const CHECKSUM_FLOOR = 16;
    private const RESERVED = ['postmaster', 'abuse', 'hostmaster', 'webmaster', 'mailer-daemon'];

    /** The local part in front of the GLOB. */
    public readonly string $prefix;

    /** The number of characters of the checksum. */
    public readonly int $length;

    public function __construct(string $mailbox, string $delimiter)
    {
        $isMailbox = $mailbox === '' || preg_match('/\A[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?\z/', $mailbox) === 1;
        if (!$isMailbox || str_contains($mailbox, '..') || in_array($mailbox, self::RESERVED, true)) {
            throw new MintError('the mailbox must be one that [address] of reply-milter.toml may name');
        }
        if ($delimiter !== '+' && $delimiter !== '-') {
            throw new MintError('the delimiter must be + or -');
        }
        $this->prefix = $mailbox === '' ? '' : $mailbox . $delimiter;
        $room = self::LOCAL_PART_OCTETS - strlen($this->prefix) - Token::USER_LENGTH - Token::KEY_LENGTH;
        $this->length = min(self::CHECKSUM_CEILING, $room);
        if ($this->length < self::CHECKSUM_FLOOR) {
            throw new MintError('the mailbox must have at most 15 characters');
        }
    }

    /** A domain of reply addresses, in A-labels. */
    public static function domain(string $value): string
    {
        if (strlen($value) <= 253 && preg_match('/\A[a-z0-9-]+(?:\.[a-z0-9-]+)*\z/', $value) === 1) {
            return $value;
        }
        throw new MintError('the domain must be a domain name in lower case, an internationalised one as its A-labels (xn--)');
    }

    /** The name of the key space. */
    public static function realm(string $value): string
    {
        if (preg_match('/\A[A-Za-z0-9._-]{1,64}\z/', $value) === 1) {
            return $value;
        }
        throw new MintError('a realm is 1 to 64 of A-Za-z0-9._-');
    }

    /** The 32 octets of a key, given as such or as 64 hex digits. */
    public static function key(#[\SensitiveParameter] string $value): string
    {
        if (preg_match('/\A[0-9a-fA-F]{64}\z/', $value) === 1) {
            return (string) hex2bin($value);
        }
        if (strlen($value) === 32) {
            return $value;
        }
        throw new MintError('a key is 32 octets, or their 64 hex digits as in keys.toml and seal.key');
    }
}
