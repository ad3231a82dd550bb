<?php

declare(strict_types=1);

namespace ReplyMilter\Tests;

use ReplyMilter\MintError;
use ReplyMilter\MintRequest;

const KEY = '0123456789abcdef';

$wrong = [
    'a handler with a line end' => ['handler' => "issue\r\nBcc: x"],
    'a handler with a trailing line end' => ['handler' => "issue\n"],
    'a handler with another tag' => ['handler' => 'issue; user=1'],
    'an empty handler' => ['handler' => ''],
    'a user that is negative' => ['user' => -1],
    'a user beyond 40 bits' => ['user' => 1 << 40],
    'a user in exponents' => ['user' => '1e3'],
    'a user in hex' => ['user' => '0x2a'],
    'a user with a space' => ['user' => ' 42'],
    'a user with a line end' => ['user' => "42\n"],
    'a user of full-width digits' => ['user' => '４２'],
    'a user beyond 64 bits' => ['user' => '18446744073709551658'],
    'an empty user' => ['user' => ''],
    'locator and context' => ['locator' => 'a', 'context' => 1],
    'an empty locator' => ['locator' => ''],
    'a locator with two slashes' => ['locator' => 'a//b'],
    'a locator with two dots' => ['locator' => 'a..b'],
    'a locator with a semicolon' => ['locator' => 'a;user=1'],
    'a locator with a line end' => ['locator' => "a\n"],
    'a locator that is too long' => ['locator' => str_repeat('a', 201)],
    'a context beyond 55 bits' => ['context' => 1 << 55],
    'a short key' => ['key' => 'short'],
    'a key with a semicolon' => ['key' => KEY . ';user=1'],
    'a key with a line end' => ['key' => KEY . "\n"],
    'an empty key' => ['key' => ''],
];
$tests = [
    'the value is what docs/notifications.md shows' => static function (): void {
        same('X-Reply-Mint', MintRequest::FIELD);
        $value = MintRequest::value('issue', 42, locator: 'shop/orders/issue/2351');
        same('handler=issue; user=42; locator=shop/orders/issue/2351', $value);
        $number = MintRequest::value('issue', '0', context: (1 << 55) - 1, key: KEY);
        same('handler=issue; user=0; context=36028797018963967; key=' . KEY, $number);
        same('handler=issue; user=1099511627775', MintRequest::value('issue', (1 << 40) - 1));
    },
    'errors do not show a key' => static function (): void {
        $error = throws(MintError::class, static fn () => MintRequest::value('issue', 42, key: 'se;cret'));
        same(false, str_contains($error->getMessage(), 'se;cret'));
    },
];
foreach ($wrong as $name => $arguments) {
    $given = $arguments + ['handler' => 'issue', 'user' => 42];
    $tests["$name is refused"] = static fn () => throws(MintError::class, static fn () => MintRequest::value(...$given));
}
return $tests;
