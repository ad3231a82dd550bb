<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\AddressForm;
use ReplyMilter\Format\Encoding;
use ReplyMilter\Format\MessageFile;

/** X-Reply-Verdict, opened behind the milter: verdict-header.md. */
final class Verdict
{
    public const FIELD = 'X-Reply-Verdict';
    private const LENGTH = 26;
    private const TAG = '~\A([a-z][a-z0-9_]*+)=([A-Za-z0-9._\~/@+:-]++)\z~';

    /**
     * Decide what to do with a message, given as the octets that came.
     *
     * @param list<string> $sealKeys as of Keys::seal
     */
    public static function open(string $message, #[\SensitiveParameter] array $sealKeys): Fate
    {
        if ($sealKeys === []) {
            throw new \InvalidArgumentException('give the seal keys as a list: Keys::seal makes it of the text of seal.key');
        }
        $file = MessageFile::split($message, Encoding::lower(self::FIELD));
        $tags = self::unseal($file->values, array_map(AddressForm::key(...), $sealKeys));
        if (is_string($tags)) {
            return Fate::unverified("seal_$tags");
        }
        $isItsBody = hash_equals(self::bodyDigest($file->body), $tags['body'] ?? '');
        return $isItsBody ? self::fate($tags) : Fate::unverified('seal_broken');
    }

    /** @param array<string, string> $tags */
    private static function fate(array $tags): Fate
    {
        if (array_key_exists('would', $tags)) {
            return Fate::unverified('observed', $tags);
        }
        if (!Reply::isComplete($tags)) {
            return Fate::unverified('no_token', $tags);
        }
        $result = $tags['result'] ?? '';
        $isKnown = in_array($result, ['pass', 'park'], true) && isset($tags['class']) === isset($tags['original']);
        return $isKnown && Reply::isSound($tags)
            ? Fate::known($result, Reply::of($tags), $tags)
            : Fate::unverified('unknown_result', $tags);
    }

    /**
     * The tags of the field's values on one message, or the problem: "missing", "doubled" or "broken".
     *
     * @param list<string> $values
     * @param list<string> $keys of 32 octets
     * @return array<string, string>|string
     */
    public static function unseal(array $values, #[\SensitiveParameter] array $keys): array|string
    {
        if (count($values) !== 1) {
            return $values === [] ? 'missing' : 'doubled';
        }
        $squeezed = Encoding::squeeze($values[0]);
        $text = str_ends_with($squeezed, ';') ? substr($squeezed, 0, -1) : $squeezed;
        $tags = self::tags($text);
        if ($tags === null || ($tags['v'] ?? '') !== '1' || array_key_last($tags) !== 'seal') {
            return 'broken';
        }
        $covered = substr($text, 0, -strlen($tags['seal']));
        $fits = array_map(static fn (string $key): bool => hash_equals(self::sealOf($covered, $key), $tags['seal']), $keys);
        return in_array(true, $fits, true) ? $tags : 'broken';
    }

    /** The seal over the text up to and including ";seal=". */
    public static function sealOf(string $covered, #[\SensitiveParameter] string $key): string
    {
        return Encoding::leftmostText(Encoding::hmac($key, $covered), self::LENGTH);
    }

    /** @return array<string, string>|null */
    private static function tags(string $text): ?array
    {
        $tags = [];
        foreach (explode(';', $text) as $part) {
            if (preg_match(self::TAG, $part, $found) !== 1 || array_key_exists($found[1], $tags)) {
                return null;
            }
            $tags[$found[1]] = $found[2];
        }
        return $tags;
    }

    /** The digest of a body, whose white space does not count. */
    public static function bodyDigest(string $body): string
    {
        return Encoding::leftmostText(hash('sha256', Encoding::squeeze($body), true), self::LENGTH);
    }
}
