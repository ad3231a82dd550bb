<?php

declare(strict_types=1);

namespace ReplyMilter\Tests;

use ReplyMilter\Testing\Samples;
use ReplyMilter\Webhook;
use ReplyMilter\WebhookError;

const ID = 'aaaaaaaaaaaaaaaaaaaaaaaaaa';

function refused(int $status, array $headers, string $body, string $secret, ?int $now = null): void
{
    $error = throws(WebhookError::class, static fn () => Webhook::open($headers, $body, $secret, $now));
    same($status, $error->status, $error->getMessage());
}

$samples = new Samples();
$secret = $samples->webhookSecret;
$other = 'whsec_' . base64_encode(str_repeat("\0", 32));
$whole = static fn (array $reply): string => json_encode(
    ['Reply' => $reply + ['id' => ID, 'user' => 1, 'handler' => 'issue', 'context' => '1', 'issued' => 1, 'expires' => 2]],
);

$tests = [
    'a reply is opened' => static function () use ($samples, $secret): void {
        $told = ['user' => 7, 'context' => '36028797018963967', 'locator' => 'a/b', 'replied_to' => 5];
        ['headers' => $headers, 'body' => $body] = $samples->webhookRequest($told, 'Yes, ü.');
        $opened = Webhook::open($headers, $body, $secret);
        $reply = $opened->reply;
        same([7, 36028797018963967, 'a/b', 5, 'Yes, ü.'], [$reply->user, $reply->context, $reply->locator, $reply->repliedTo, $opened->text]);
        same($opened->payload['MessageID'], $reply->id);
        same($reply->id, Webhook::check($headers, $body, $secret));
    },
    'headers in another case, and as lists' => static function () use ($samples, $secret): void {
        ['headers' => $headers, 'body' => $body] = $samples->webhookRequest();
        $upper = array_change_key_case($headers, CASE_UPPER);
        Webhook::open(array_map(static fn (string $value): array => [$value], $upper), $body, $secret);
    },
    'two secrets while one is exchanged' => static function () use ($samples, $secret, $other): void {
        ['headers' => $headers, 'body' => $body] = $samples->webhookRequest();
        Webhook::open($headers, $body, "$other $secret");
        refused(401, $headers, $body, $other);
        $second = ['webhook-signature' => 'v1,AAAA ' . $headers['webhook-signature']];
        Webhook::open($second + $headers, $body, $secret);
    },
    'what is not signed, or signed otherwise, is refused' => static function () use ($samples, $secret): void {
        ['headers' => $headers, 'body' => $body] = $samples->webhookRequest();
        foreach (array_keys($headers) as $name) {
            refused(401, array_diff_key($headers, [$name => 1]), $body, $secret);
            refused(401, [$name => [$headers[$name], $headers[$name]]] + $headers, $body, $secret);
        }
        refused(401, $headers, "$body ", $secret);
        refused(401, ['webhook-id' => ID] + $headers, $body, $secret);
        $text = substr($headers['webhook-signature'], 3);
        foreach ([$text, "v1a,$text", 'v1,' . substr($text, 0, -1), 'v1,' . rtrim($text, '='), 'v1,', '', "v1,$text\n"] as $bad) {
            refused(401, ['webhook-signature' => $bad] + $headers, $body, $secret);
        }
        foreach (['..', '../x', ID . "\n", strtoupper(ID), ''] as $bad) {
            refused(401, $samples->signature($bad, $body), $body, $secret);
        }
    },
    'a request of long ago, or of the future, is refused' => static function () use ($samples, $secret): void {
        $now = 1767225600;
        foreach ([-300, 0, 300] as $late) {
            ['headers' => $headers, 'body' => $body] = $samples->webhookRequest(at: $now + $late);
            Webhook::open($headers, $body, $secret, $now);
        }
        foreach ([-301, 301] as $late) {
            ['headers' => $headers, 'body' => $body] = $samples->webhookRequest(at: $now + $late);
            refused(401, $headers, $body, $secret, $now);
        }
        refused(401, ['webhook-timestamp' => '1e9'] + $headers, $body, $secret);
    },
    'mistakes of the caller are told' => static function () use ($samples, $secret): void {
        ['headers' => $headers, 'body' => $body] = $samples->webhookRequest();
        foreach (['', 'whsec_', 'whsec_short', substr($secret, 6), "$secret x", "$secret\n"] as $bad) {
            throws(\InvalidArgumentException::class, static fn () => Webhook::open($headers, $body, $bad));
        }
    },
];

$bodies = ['x', 'null', '[]', '{}', '{"Reply":"x"}', '{"Reply":null}', '{"Reply":{}}', "\"\xff\"", str_repeat('[', 100)];
foreach ($bodies as $body) {
    $tests["the body $body is refused for good"] = static fn () => refused(400, $samples->signature(ID, $body), $body, $secret);
}
$members = [
    ['id' => str_repeat('b', 26)], ['user' => '1'], ['user' => 1.5], ['user' => -1], ['user' => null], ['user' => true], ['context' => 1],
    ['context' => '1e3'], ['context' => ' 1'], ['context' => "1\n"], ['handler' => '../x'], ['issued' => '1'], ['handler' => ['issue']],
];
foreach ($members as $one) {
    $body = $whole($one);
    $tests["a Reply with $body is refused"] = static fn () => refused(400, $samples->signature(ID, $body), $body, $secret);
}
return $tests;
