<?php

/** Asks the library for PHP: a line of JSON each way, `[what, argument]` and its result, or `{"error": class}`. */

declare(strict_types=1);

require __DIR__ . '/../../contrib/php/autoload.php';

use ReplyMilter\Format\Normaliser;
use ReplyMilter\Handler;
use ReplyMilter\Minter;
use ReplyMilter\MintRequest;
use ReplyMilter\Reader;
use ReplyMilter\Verdict;
use ReplyMilter\Webhook;

function site(array $site): array
{
    $handler = static fn (array $one): Handler => new Handler($one['id'], $one['context'], $one['validityDays']);
    return ['handlers' => array_map($handler, $site['handlers'])] + $site;
}

function answer(string $what, mixed $given): mixed
{
    switch ($what) {
        case 'request':
            return MintRequest::value(...$given);
        case 'normalise':
            return Normaliser::normalise($given);
        case 'mint':
            $minted = (new Minter(...site($given['site'])))->mint($given['handler'], ...$given['order']);
            return [
                'address' => $minted->address,
                'messageId' => $minted->messageId,
                'expires' => $minted->expires,
                'context' => (string) $minted->context,
            ];
        case 'read':
            $found = (new Reader(...site($given['site'])))->open($given['address'], $given['now']);
            return $found === null ? null : [
                'valid' => $found->isValid,
                'user' => $found->user,
                'context' => (string) $found->context,
                'answers' => $found->answers($given['messageId']),
            ];
        case 'verdict':
            $fate = Verdict::open(hex2bin($given['message']), $given['keys']);
            $reply = $fate->reply;
            return [$fate->outcome, $fate->why, $reply === null ? null : [$reply->id, $reply->user, (string) $reply->context]];
        case 'webhook':
            $opened = Webhook::open($given['headers'], hex2bin($given['body']), $given['secret'], $given['now']);
            return [$opened->reply->id, $opened->reply->user, (string) $opened->reply->context, $opened->text];
    }
    throw new LogicException($what);
}

while (($line = fgets(STDIN)) !== false) {
    [$what, $given] = json_decode($line, true, 32, JSON_THROW_ON_ERROR);
    try {
        $result = answer($what, $given);
    } catch (Throwable $error) {
        $result = ['error' => (new ReflectionClass($error))->getShortName()];
    }
    echo json_encode($result, JSON_THROW_ON_ERROR), "\n";
}
