<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

/** The one form of a recipient's address that sender tags are computed over: token-format.md section 7. */
final class Normaliser
{
    private const ADDRESS_OCTETS = 320;
    private const DOMAIN_OCTETS = 253;
    private const LABEL_OCTETS = 63;
    private const LOCAL = '~\A[A-Za-z0-9!#$%&\'*+/=?^_`{|}\~-]++(?:\.[A-Za-z0-9!#$%&\'*+/=?^_`{|}\~-]++)*+\z~';
    private const VISIBLE = '/\A[!-?A-~]+\z/';
    private const LAST_STOP = '/(?:\.|\x{3002}|\x{ff0e}|\x{ff61})\z/u';

    /** The normalised form of a bare address; null if the address has none, and must stay unbound. */
    public static function normalise(string $address): ?string
    {
        $at = strrpos($address, '@');
        if ($at === false || strlen($address) > self::ADDRESS_OCTETS || !Encoding::isUtf8($address)) {
            return null;
        }
        [$local, $domain] = [substr($address, 0, $at), substr($address, $at + 1)];
        if (preg_match(self::LOCAL, $local) !== 1 || str_starts_with($domain, '[')) {
            return null;
        }
        $name = self::toAscii($domain);
        $plus = strpos($local, '+', 1);
        return $name === null ? null : Encoding::lower(($plus === false ? $local : substr($local, 0, $plus)) . "@$name");
    }

    /** A domain as lower-case A-labels, without its trailing dot; null if it has none. */
    public static function toAscii(string $domain): ?string
    {
        $name = preg_replace(self::LAST_STOP, '', $domain);
        if ($name === null || strlen($name) > self::DOMAIN_OCTETS) {
            return null;
        }
        $mapped = Encoding::isAscii($name) ? Encoding::lower($name) : self::mappedByUts46($name);
        $isSound = $mapped !== null && strlen($mapped) <= self::DOMAIN_OCTETS && !str_ends_with($mapped, '.');
        return $isSound && preg_match(self::VISIBLE, $mapped) === 1 ? $mapped : null;
    }

    /** By the extension intl, whose tables may be older than Unicode 15.1; null without it, and for what it refuses. */
    private static function mappedByUts46(string $name): ?string
    {
        if (!function_exists('idn_to_ascii')) {
            return null;
        }
        $mapped = idn_to_ascii(str_replace("\u{1e9e}", "\u{df}", $name), IDNA_NONTRANSITIONAL_TO_ASCII, INTL_IDNA_VARIANT_UTS46);
        $labels = array_map('strlen', explode('.', (string) $mapped));
        return $mapped === false || max($labels) > self::LABEL_OCTETS ? null : $mapped;
    }
}
