<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

/** Octets, numbers and texts, as token-format.md section 2 writes them. Bits are texts of 0 and 1. */
final class Encoding
{
    private const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
    private const UPPER = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    private const LOWER = 'abcdefghijklmnopqrstuvwxyz';

    public static function hmac(#[\SensitiveParameter] string $key, string $data): string
    {
        return hash_hmac('sha256', $data, $key, true);
    }

    /** Each part behind its length, so that no two lists of parts read alike. */
    public static function tlv(string ...$parts): string
    {
        return implode('', array_map(static fn (string $part): string => pack('N', strlen($part)) . $part, $parts));
    }

    /** The octets of a user's number. */
    public static function userOctets(int $user): string
    {
        return substr(pack('J', $user), 3);
    }

    public static function bitsOf(string $octets): string
    {
        return implode('', array_map(static fn (int $octet): string => sprintf('%08b', $octet), array_values(unpack('C*', $octets))));
    }

    /** The most significant bits of a digest, at most 63, as a number. */
    public static function leftmost(string $digest, int $bits): int
    {
        return (int) bindec(substr(self::bitsOf(substr($digest, 0, 8)), 0, $bits));
    }

    /** The most significant bits of a digest, in base32. */
    public static function leftmostText(string $digest, int $length): string
    {
        return self::base32(substr(self::bitsOf($digest), 0, 5 * $length));
    }

    /** Bits, five for each character. */
    public static function base32(string $bits): string
    {
        $values = array_map(static fn (string $five): string => self::ALPHABET[(int) bindec($five)], str_split($bits, 5));
        return implode('', $values);
    }

    /** The bits of base32. Check the characters before: only a-z and 2-7 have a value. */
    public static function bitsOfBase32(string $text): string
    {
        $bits = static fn (string $one): string => sprintf('%05b', (int) strpos(self::ALPHABET, $one));
        return implode('', array_map($bits, str_split($text)));
    }

    /** Bits as octets, with zero bits in front. */
    public static function octetsOf(string $bits): string
    {
        $filled = str_repeat('0', -strlen($bits) & 7) . $bits;
        return implode('', array_map(static fn (string $eight): string => chr((int) bindec($eight)), str_split($filled, 8)));
    }

    /** A to Z in lower case. strtolower() depends on the locale before PHP 8.2. */
    public static function lower(string $text): string
    {
        return strtr($text, self::UPPER, self::LOWER);
    }

    public static function isAscii(string $text): bool
    {
        return preg_match('/\A[\x00-\x7f]*+\z/', $text) === 1;
    }

    public static function isUtf8(string $text): bool
    {
        return preg_match('//u', $text) === 1;
    }

    /** The octets of padded base64 in the alphabet with + and /; null for any other text, a second spelling included. */
    public static function base64Of(string $text): ?string
    {
        $octets = base64_decode($text, true);
        return $octets !== false && base64_encode($octets) === $text ? $octets : null;
    }

    /** A text without SP, HTAB, CR and LF. */
    public static function squeeze(string $text): string
    {
        return str_replace([' ', "\t", "\r", "\n"], '', $text);
    }
}
