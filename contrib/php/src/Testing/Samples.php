<?php

declare(strict_types=1);

namespace ReplyMilter\Testing;

use ReplyMilter\Format\Encoding;
use ReplyMilter\Verdict;

/**
 * For an application's own tests: requests and messages as the milter and its hook make them, without either. Its keys and
 * secrets are random, new with each object: none can slip into production.
 */
final class Samples
{
    private const DAYS = 90;

    /** For Webhook::open. */
    public readonly string $webhookSecret;

    /** For Verdict::open, in a list. */
    public readonly string $sealKey;

    public function __construct()
    {
        $this->webhookSecret = 'whsec_' . base64_encode(random_bytes(32));
        $this->sealKey = random_bytes(32);
    }

    /** An id as no reply had before. */
    public static function newId(): string
    {
        return Encoding::leftmostText(random_bytes(32), 26);
    }

    /**
     * A signed request with the JSON of a reply.
     *
     * @param array<string, int|string|null> $reply what the test says of it, by the names of the JSON; the rest is as usual
     * @param int|null $at when it is signed, in Unix seconds
     * @return array{headers: array<string, string>, body: string}
     */
    public function webhookRequest(array $reply = [], string $text = 'Yes, please.', ?int $at = null): array
    {
        $told = self::told($reply);
        $members = ['context' => (string) $told['context'], 'flaws' => []] + $told;
        $whole = ['Reply' => $members, 'MessageID' => $told['id'], 'TextBody' => $text, 'StrippedTextReply' => $text, 'Attachments' => []];
        $body = json_encode($whole, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        return ['headers' => $this->signature((string) $told['id'], $body, $at), 'body' => $body];
    }

    /**
     * The header fields that sign `$body`.
     *
     * @return array<string, string>
     */
    public function signature(string $id, string $body, ?int $at = null): array
    {
        $time = (string) ($at ?? time());
        $key = (string) base64_decode(substr($this->webhookSecret, strlen('whsec_')), true);
        $signature = base64_encode(Encoding::hmac($key, "$id.$time.$body"));
        return ['webhook-id' => $id, 'webhook-timestamp' => $time, 'webhook-signature' => "v1,$signature"];
    }

    /**
     * A message with a sealed verdict, as a delivery hook gets it.
     *
     * @param array<string, int|string|null> $tags what the test says, by the names of the tags; the rest is as usual
     */
    public function sealedMessage(array $tags = [], string $text = "Yes, please.\r\n"): string
    {
        $all = $tags + ['v' => '1', 'result' => 'pass'] + self::told([]);
        $all['body'] = Verdict::bodyDigest($text);
        $written = array_filter($all, static fn (int|string|null $value): bool => $value !== null);
        $pairs = array_map(static fn (string $name): string => "$name=$written[$name]", array_keys($written));
        $covered = implode(';', $pairs) . ';seal=';
        $verdict = str_replace(';', ";\r\n\t", $covered) . Verdict::sealOf($covered, $this->sealKey);
        return Verdict::FIELD . ": $verdict\r\nFrom: Jane <jane@example.com>\r\nSubject: Re: news\r\n\r\n$text";
    }

    /**
     * @param array<string, int|string|null> $reply
     * @return array<string, int|string|null>
     */
    private static function told(array $reply): array
    {
        $issued = time() - time() % 60;
        return $reply + [
            'id' => self::newId(),
            'user' => 42,
            'handler' => 'issue',
            'context' => '2351',
            'thread' => 'none',
            'locator' => null,
            'replied_to' => null,
            'sender' => 'match',
            'auth' => 'none',
            'reason' => 'ok',
            'replay' => 'first',
            'issued' => $issued,
            'expires' => $issued + 86400 * self::DAYS,
        ];
    }
}
