<?php

declare(strict_types=1);

namespace ReplyMilter\Tests;

use ReplyMilter\Format\MessageId;
use ReplyMilter\Handler;
use ReplyMilter\KeyFileError;
use ReplyMilter\Keys;
use ReplyMilter\MintError;
use ReplyMilter\Minter;
use ReplyMilter\Reader;

const MASTER = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';
const AT = 1767225600;

function handlers(): array
{
    return ['issue' => new Handler(1), 'vote' => new Handler(7, 'integer', 1), '12' => new Handler(12, 'integer')];
}

function site(array $given = []): array
{
    return $given + ['realm' => 'example', 'masterKey' => MASTER, 'domain' => 'reply.example.com', 'handlers' => handlers()];
}

function minter(): Minter
{
    return new Minter(...site());
}

function reader(): Reader
{
    return new Reader('example', [MASTER], ['reply.example.com'], handlers());
}

$keys = <<<END
    # Oldest first.

    [[key]]
    id = "k1"
    state = "verify"
    secret = "%s"
    minted_until = 1767225600  # Unix seconds

    [[key]]
    id = "k2"
    state = "active"
    secret = "%s"

    [[key]]
    id = "k3"
    state = "retired"
    secret = "%s"
    END;
$keys = sprintf($keys, str_repeat('ab', 32), MASTER, str_repeat('cd', 32)) . "\n";

$tests = [
    'the worked example of the format' => static function (): void {
        $id = '<go-gitea/gitea/issue/2351/1220588887.k3f9@example.com>';
        $minted = minter()->mint('issue', 42, messageId: $id, to: 'Jane@Example.com', at: AT);
        same('reply+000000002ababaqbjagcghoayf6dbdtkgsn3mpr7iyshxxd5mg6glfvcgw@reply.example.com', $minted->address);
        same([1775001600, 6832620830914657], [$minted->expires, $minted->context]);
        same(['Reply-To' => $minted->address, 'Message-ID' => $id, 'References' => $id, 'Auto-Submitted' => 'auto-generated'], $minted->headers());
    },
    'a locator gives the notification its Message-ID, and an answer names it' => static function (): void {
        $minted = minter()->mint('issue', '42', locator: 'shop/orders/7');
        $id = substr($minted->messageId, 1, -1);
        same('shop/orders/7', MessageId::parse($id)['locator']);
        same(false, $minted->messageId === minter()->mint('issue', 42, locator: 'shop/orders/7')->messageId);
        $opened = reader()->open($minted->address);
        same([true, 'issue', 42, false], [$opened->isValid, $opened->handler, $opened->user, $opened->isBound]);
        same([true, false], [$opened->answers($id), $opened->answers("x$id")]);
    },
    'a number of the application, beyond 2^53' => static function (): void {
        $minted = minter()->mint('vote', 42, context: '9007199254740993', at: AT, unique: 'u1');
        same(sprintf('<vote/9007199254740993/%d.u1@reply.example.com>', AT), $minted->messageId);
        same(9007199254740993, reader()->open($minted->address, AT)->context);
        same(false, reader()->open($minted->address, AT)->answers(substr($minted->messageId, 1, -1)), 'it binds nothing');
        same(false, reader()->open($minted->address, AT + 86400)->isValid);
        same(null, reader()->open($minted->address, AT - 301));
    },
    'a handler whose name is a number' => static function (): void {
        same('12', reader()->open(minter()->mint('12', 1, context: 1)->address)->handler);
    },
    'a Message-ID of a handler whose name begins with a dot' => static function (): void {
        $minter = new Minter(...site(['handlers' => ['.x' => new Handler(3, 'integer')]]));
        same(sprintf('<3/5/%d.u@reply.example.com>', AT), $minter->mint('.x', 1, context: 5, at: AT, unique: 'u')->messageId);
    },
    'a recipient that has no normal form stays unbound' => static function (): void {
        foreach (['', '"jane doe"@example.com', 'jané@example.com', 'jane@[192.0.2.1]', 'jane@example..'] as $to) {
            same(false, reader()->open(minter()->mint('vote', 1, context: 1, to: $to)->address)->isBound, $to);
        }
        same(true, reader()->open(minter()->mint('vote', 1, context: 1, to: 'jane@example.com')->address)->isBound);
    },
    'a minter and a reader show their keys to no log' => static function (): void {
        $opened = reader()->open(minter()->mint('issue', 1, locator: 'a')->address);
        $shown = print_r([minter(), reader(), $opened, Keys::master(sprintf("[[key]]\nid = \"k\"\nstate = \"active\"\nsecret = \"%s\"", MASTER))], true);
        same(false, str_contains($shown, "\x01\x02\x03") || str_contains($shown, '010203'));
        same(false, str_contains($shown, 'threadKey'));
    },
    'all that is not genuine has one answer' => static function (): void {
        $address = minter()->mint('vote', 1, context: 1)->address;
        $last = $address[57] === 'a' ? 'b' : 'a';
        $forged = [substr_replace($address, $last, 57, 1), 'reply@reply.example.com', '', 'x', '@', "$address ", "x$address"];
        $forged[] = str_replace('reply.example', 'other.example', $address);
        $forged[] = str_replace('reply+', 'replx+', $address);
        foreach ($forged as $one) {
            same(null, reader()->open($one), $one);
        }
        same(null, (new Reader('example', [MASTER], ['reply.example.com'], ['issue' => new Handler(1)]))->open($address));
    },
    'keys.toml is read as it is written' => static function () use ($keys): void {
        $read = Keys::master($keys);
        same(MASTER, bin2hex($read->active));
        same(['abab', '0001'], array_map(static fn (string $key): string => substr(bin2hex($key), 0, 4), $read->live));
        same($read->active, Keys::master(str_replace("\n", "\r\n", $keys))->active);
    },
    'seal.key is read line by line' => static function (): void {
        same(2, count(Keys::seal("# ours\n" . MASTER . "\n\n  " . str_repeat('AB', 32) . "\r\n")));
        throws(KeyFileError::class, static fn () => Keys::seal(MASTER . "\nxyz\n"), 'line 2: must be 64 hex digits');
        throws(KeyFileError::class, static fn () => Keys::seal("# nothing\n"));
    },
];

$orders = [
    'no such handler' => ['nothing', ['context' => 1]],
    'a thread without an id' => ['issue', []],
    'a number for a thread' => ['issue', ['context' => 1]],
    'a thread for a number' => ['vote', ['locator' => 'a']],
    'two of them' => ['issue', ['locator' => 'a', 'messageId' => 'a@b']],
    'an id with a bracket within' => ['issue', ['messageId' => '<a<b@c>']],
    'an id with one bracket' => ['issue', ['messageId' => '<a@b']],
    'an id with white space' => ['issue', ['messageId' => '<a @b>']],
    'an id with a trailing line end' => ['issue', ['messageId' => "a@b\n"]],
    'an id that is not UTF-8' => ['issue', ['messageId' => "<a\xff@b>"]],
    'a recipient with a name' => ['issue', ['locator' => 'a', 'to' => 'Jane <jane@example.com>']],
    'a recipient that is not UTF-8' => ['issue', ['locator' => 'a', 'to' => "jane@\xff.example"]],
    'a time in milliseconds' => ['issue', ['locator' => 'a', 'at' => 1767225600000]],
    'a time before 2025' => ['issue', ['locator' => 'a', 'at' => 1735689599]],
    'a context in exponents' => ['vote', ['context' => '1e3']],
    'a unique part with a dot' => ['issue', ['locator' => 'a', 'unique' => 'a.b']],
];
foreach ($orders as $name => [$handler, $order]) {
    $tests["minting refuses $name"] = static fn () => throws(MintError::class, static fn () => minter()->mint($handler, 1, ...$order));
}

$sites = [
    'a short key' => ['masterKey' => '00'],
    'a key of 64 octets that are no digits' => ['masterKey' => str_repeat('x', 64)],
    'a key with a line end' => ['masterKey' => MASTER . "\n"],
    'a reserved mailbox' => ['mailbox' => 'postmaster'],
    'a mailbox in capitals' => ['mailbox' => 'Reply'],
    'a mailbox of 16 characters' => ['mailbox' => str_repeat('a', 16)],
    'another delimiter' => ['delimiter' => '='],
    'a realm with a blank' => ['realm' => 'my realm'],
    'a realm with a line end' => ['realm' => "example\n"],
    'a domain in capitals' => ['domain' => 'Reply.example.com'],
    'a domain with a trailing dot' => ['domain' => 'reply.example.com.'],
    'two handlers with one id' => ['handlers' => ['a' => new Handler(1), 'b' => new Handler(1)]],
    'a handler without its object' => ['handlers' => ['a' => 1]],
];
foreach ($sites as $name => $given) {
    $tests["a minter refuses $name"] = static fn () => throws(MintError::class, static fn () => new Minter(...site($given)));
}
$tests['a handler refuses what reply-milter.toml may not hold'] = static function (): void {
    foreach ([[1024], [-1], [1, 'wrapped'], [1, 'thread', 0]] as $given) {
        throws(MintError::class, static fn () => new Handler(...$given));
    }
};

$broken = [
    'nothing' => ['', 'exactly one'],
    'no active key' => [str_replace('active', 'verify', $keys), 'exactly one'],
    'two active keys' => [str_replace('verify', 'active', $keys), 'exactly one'],
    'two keys of one id' => [str_replace('"k2"', '"k1"', $keys), 'two keys'],
    'two keys of ids that == takes for one' => [str_replace(['"k1"', '"k2"', 'verify'], ['"1e1"', '"10"', 'active'], $keys), 'exactly one'],
    'a short secret' => [preg_replace('/abab/', '', $keys, 1), 'line 3'],
    'a setting before a key' => ["id = \"k1\"\n$keys", 'line 1'],
    'a setting twice' => [str_replace('state = "verify"', 'id = "k9"', $keys), 'line 5'],
    'another table' => [preg_replace('/\[\[key\]\]/', '[key]', $keys, 1), 'line 3'],
    'a state that is unknown' => [str_replace('retired', 'gone', $keys), 'line 14'],
];
foreach ($broken as $name => [$text, $words]) {
    $tests["keys.toml with $name is refused"] = static function () use ($text, $words): void {
        $error = throws(KeyFileError::class, static fn () => Keys::master($text), $words);
        same(0, preg_match('/abab|0001|cdcd/', $error->getMessage()), $error->getMessage());
    };
}
return $tests;
