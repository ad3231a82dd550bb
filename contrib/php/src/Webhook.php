<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\Encoding;

/** Replies that the delivery hook posts, signed as Standard Webhooks: docs/delivery.md. */
final class Webhook
{
    private const TOLERANCE = 300; // seconds, of Standard Webhooks
    private const SECRET_OCTETS = [16, 64];
    private const MAX_BYTES = 64 * 1024 * 1024; // of the JSON of a message of 26 MB, with room
    private const DEPTH = 32;
    private const TEXTS = ['id', 'handler', 'context', 'thread', 'locator', 'sender', 'auth', 'reason', 'replay', 'class'];
    private const NUMBERS = ['user', 'issued', 'expires', 'replied_to'];

    /**
     * The reply of the request that this script answers, in the format "json".
     *
     * @throws WebhookError its status says what to answer
     */
    public static function fromGlobals(#[\SensitiveParameter] string $secret): WebhookReply
    {
        if (($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
            throw new WebhookError(405, 'POST replies here');
        }
        $body = (string) file_get_contents('php://input', false, null, 0, self::MAX_BYTES + 1);
        if (strlen($body) > self::MAX_BYTES) {
            throw new WebhookError(413, sprintf('the body has more than %d octets', self::MAX_BYTES));
        }
        $headers = [];
        foreach (['id', 'timestamp', 'signature'] as $name) {
            $headers["webhook-$name"] = (string) ($_SERVER['HTTP_WEBHOOK_' . strtoupper($name)] ?? '');
        }
        return self::open($headers, $body, $secret);
    }

    /**
     * The reply of a request in the format "json", checked as `check` does.
     *
     * @param array<string, string|list<string>> $headers by name, in any case
     * @param int|null $now Unix seconds, in place of the current time
     * @throws WebhookError its status says what to answer
     */
    public static function open(
        array $headers,
        string $body,
        #[\SensitiveParameter] string $secret,
        ?int $now = null,
    ): WebhookReply {
        $id = self::check($headers, $body, $secret, $now);
        $payload = self::payload($body);
        $told = self::told($payload['Reply']);
        if (!Reply::isComplete($told) || !Reply::isSound($told) || $told['id'] !== $id) {
            throw new WebhookError(400, 'the body has no member Reply as reply-milter writes it');
        }
        $text = is_string($payload['StrippedTextReply'] ?? null) ? $payload['StrippedTextReply'] : '';
        $flaws = is_array($payload['Reply']['flaws'] ?? null) ? $payload['Reply']['flaws'] : [];
        return new WebhookReply(Reply::of($told), $text, array_values(array_filter($flaws, 'is_string')), $payload);
    }

    /**
     * Check who has sent a request, and when; returns the id of the reply.
     *
     * @param array<string, string|list<string>> $headers by name, in any case
     * @param string $body as it came, before any parser
     * @throws WebhookError its status says what to answer
     */
    public static function check(
        array $headers,
        string $body,
        #[\SensitiveParameter] string $secret,
        ?int $now = null,
    ): string {
        $keys = self::keys($secret);
        $id = self::header($headers, 'webhook-id');
        $timestamp = self::header($headers, 'webhook-timestamp');
        if (preg_match('/\A[a-z2-7]{26}\z/', $id) !== 1) {
            throw new WebhookError(401, 'webhook-id is missing, or is no id of a reply');
        }
        if (preg_match('/\A[0-9]{1,11}\z/', $timestamp) !== 1) {
            throw new WebhookError(401, 'webhook-timestamp is missing, or is no time');
        }
        if (!self::isSigned("$id.$timestamp.$body", self::header($headers, 'webhook-signature'), $keys)) {
            throw new WebhookError(401, 'webhook-signature does not fit: another secret, or another body');
        }
        if (abs(($now ?? time()) - (int) $timestamp) > self::TOLERANCE) {
            throw new WebhookError(401, 'webhook-timestamp is more than 300 seconds from now: is this host\'s clock right?');
        }
        return $id;
    }

    /** @return list<string> */
    private static function keys(#[\SensitiveParameter] string $secret): array
    {
        $keys = [];
        foreach (preg_split('/ +/', $secret, -1, PREG_SPLIT_NO_EMPTY) ?: [] as $word) {
            $octets = str_starts_with($word, 'whsec_') ? Encoding::base64Of(substr($word, strlen('whsec_'))) : null;
            if ($octets === null || strlen($octets) < self::SECRET_OCTETS[0] || strlen($octets) > self::SECRET_OCTETS[1]) {
                $keys = [];
                break;
            }
            $keys[] = $octets;
        }
        return $keys !== [] ? $keys : throw new \InvalidArgumentException(
            'the secret is whsec_ and 16 to 64 octets in base64, as in [handler.delivery]; two have a blank between',
        );
    }

    /**
     * One value of a header field; empty if it is missing or stands there more than once.
     *
     * @param array<string, string|list<string>> $headers
     */
    private static function header(array $headers, string $name): string
    {
        $found = [];
        foreach ($headers as $one => $values) {
            if (Encoding::lower((string) $one) === $name) {
                array_push($found, ...array_values((array) $values));
            }
        }
        return count($found) === 1 && is_string($found[0]) ? $found[0] : '';
    }

    /** @param list<string> $keys */
    private static function isSigned(string $signed, string $signatures, #[\SensitiveParameter] array $keys): bool
    {
        $fits = false;
        foreach (array_slice(explode(' ', $signatures), 0, 8) as $given) {
            foreach ($keys as $key) {
                $fits = hash_equals('v1,' . base64_encode(Encoding::hmac($key, $signed)), $given) || $fits;
            }
        }
        return $fits;
    }

    /** @return array<string, mixed> */
    private static function payload(string $body): array
    {
        $payload = json_decode($body, true, self::DEPTH, JSON_BIGINT_AS_STRING);
        if (is_array($payload) && is_array($payload['Reply'] ?? null)) {
            return $payload;
        }
        throw new WebhookError(400, 'the body is no JSON of reply-milter: does its handler have format = "json"?');
    }

    /**
     * The members of Reply as texts, as a verdict's tags are; those of another type are left out.
     *
     * @param array<mixed> $reply
     * @return array<string, string>
     */
    private static function told(array $reply): array
    {
        $told = [];
        foreach (self::TEXTS as $name) {
            if (is_string($reply[$name] ?? null)) {
                $told[$name] = $reply[$name];
            }
        }
        foreach (self::NUMBERS as $name) {
            if (is_int($reply[$name] ?? null) && $reply[$name] >= 0) {
                $told[$name] = (string) $reply[$name];
            }
        }
        return $told;
    }
}
