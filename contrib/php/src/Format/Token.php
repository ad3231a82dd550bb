<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

/** The token of a reply address: token-format.md sections 3 to 7 and 10. */
final class Token
{
    public const EPOCH = 1735689600; // 2025-01-01T00:00:00Z
    public const ISSUED_LIMIT = 1 << 25;
    public const HANDLER_LIMIT = 1 << 10;
    public const USER_LENGTH = 10;
    public const KEY_LENGTH = 22;
    public const FUTURE_SECONDS = 300;
    private const ID_LENGTH = 13;
    private const VERSION = 1;
    private const GLOB = '/\A[0-9a-f]{10}b[a-z2-7]{37,}\z/'; // version 1: every KEY begins with b

    public function __construct(
        public readonly int $user,
        public readonly int $handler,
        public readonly int $issued,
        public readonly int $context,
        public readonly int $sender = 0,
    ) {
    }

    /** The key of one user under one master key: HKDF-Expand, RFC 5869 section 2.3. */
    public static function userKey(#[\SensitiveParameter] string $masterKey, string $realm, int $user): string
    {
        $info = Encoding::tlv('reply-milter/1/user', $realm, Encoding::userOctets($user));
        return Encoding::hmac($masterKey, "$info\x01");
    }

    /** The context of a notification's Message-ID, which has no angle brackets. */
    public static function threadContext(#[\SensitiveParameter] string $key, string $messageId): int
    {
        return Encoding::leftmost(Encoding::hmac($key, Encoding::tlv('thread', $messageId)), 55);
    }

    /** The tag of a normalised address. Never 0, which means unbound. */
    public static function senderTag(#[\SensitiveParameter] string $key, string $normalised): int
    {
        return Encoding::leftmost(Encoding::hmac($key, Encoding::tlv('sender', $normalised)), 15) ?: 1;
    }

    /** KEY as 110 bits. */
    private function keyBits(): string
    {
        return sprintf('%05b%010b%025b%055b%015b', self::VERSION, $this->handler, $this->issued, $this->context, $this->sender);
    }

    public function keyText(): string
    {
        return Encoding::base32($this->keyBits());
    }

    public function keyOctets(): string
    {
        return Encoding::octetsOf($this->keyBits());
    }

    /** CKSUM: `$length` characters, which it covers. */
    public function checksum(#[\SensitiveParameter] string $key, int $length): string
    {
        $parts = Encoding::tlv('token', chr($length), Encoding::userOctets($this->user), $this->keyOctets());
        return Encoding::leftmostText(Encoding::hmac($key, $parts), $length);
    }

    /** GLOB. */
    public function write(#[\SensitiveParameter] string $key, int $length): string
    {
        return sprintf('%010x', $this->user) . $this->keyText() . $this->checksum($key, $length);
    }

    /**
     * The token of a GLOB with `$length` characters of checksum, which is not checked yet; null for any other text.
     *
     * @return array{token: self, glob: string, checksum: string}|null
     */
    public static function parse(string $text, int $length): ?array
    {
        $glob = Encoding::lower($text);
        $end = self::USER_LENGTH + self::KEY_LENGTH;
        if (strlen($text) !== $end + $length || preg_match(self::GLOB, $glob) !== 1) {
            return null;
        }
        $bits = Encoding::bitsOfBase32(substr($glob, self::USER_LENGTH, self::KEY_LENGTH));
        $cut = static fn (int $start, int $count): int => (int) bindec(substr($bits, $start, $count));
        $user = (int) hexdec(substr($glob, 0, self::USER_LENGTH));
        $token = new self($user, $cut(5, 10), $cut(15, 25), $cut(40, 55), $cut(95, 15));
        return ['token' => $token, 'glob' => $glob, 'checksum' => substr($glob, $end)];
    }

    /** Minutes since 2025, or null where no token can say them. */
    public static function issuedMinutes(int $unix): ?int
    {
        $minutes = $unix >= self::EPOCH ? intdiv($unix - self::EPOCH, 60) : -1;
        return $minutes >= 0 && $minutes < self::ISSUED_LIMIT ? $minutes : null;
    }

    /** Unix seconds. */
    public static function issuedAt(int $issued): int
    {
        return self::EPOCH + 60 * $issued;
    }

    /** The first Unix second at which a token is no longer valid. */
    public static function expiresAt(int $issued, int $validityDays): int
    {
        return self::issuedAt($issued) + 86400 * $validityDays;
    }

    /** "future", "expired" or "valid". `$now`: Unix seconds. */
    public static function lifetime(int $issued, int $validityDays, int $now): string
    {
        if (self::issuedAt($issued) > $now + self::FUTURE_SECONDS) {
            return 'future';
        }
        return $now < self::expiresAt($issued, $validityDays) ? 'valid' : 'expired';
    }

    /** The name of a token in logs. */
    public static function id(#[\SensitiveParameter] string $key, string $glob): string
    {
        return self::half($key, 'id', $glob);
    }

    /** The second half of a reply's id, by its Message-ID. */
    public static function messageTag(#[\SensitiveParameter] string $key, string $glob, string $messageId): string
    {
        return self::half($key, 'message', $glob, $messageId);
    }

    /** The second half of a reply's id, for a reply without a Message-ID. */
    public static function contentTag(
        #[\SensitiveParameter] string $key,
        string $glob,
        string $from,
        string $date,
        string $bodyDigest,
    ): string {
        return self::half($key, 'content', $glob, Encoding::squeeze($from), Encoding::squeeze($date), $bodyDigest);
    }

    private static function half(#[\SensitiveParameter] string $key, string ...$parts): string
    {
        return Encoding::leftmostText(Encoding::hmac($key, Encoding::tlv(...$parts)), self::ID_LENGTH);
    }
}
