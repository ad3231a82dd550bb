<?php

declare(strict_types=1);

namespace ReplyMilter\Tests;

use ReplyMilter\Testing\Samples;
use ReplyMilter\Verdict;

$samples = new Samples();
$open = static fn (string $message) => Verdict::open($message, [$samples->sealKey]);

$tests = [
    'a reply that is to be posted' => static function () use ($samples, $open): void {
        $tags = ['user' => (1 << 40) - 1, 'context' => '36028797018963967', 'locator' => 'a/b', 'replied_to' => 7];
        $fate = $open($samples->sealedMessage($tags));
        same(['pass', '', false], [$fate->outcome, $fate->why, $fate->isAlarming()]);
        $reply = $fate->reply;
        same([1099511627775, 36028797018963967, 'a/b', 7], [$reply->user, $reply->context, $reply->locator, $reply->repliedTo]);
        same(['issue', 'none', 'match', 'ok', 'first', null], [$reply->handler, $reply->thread, $reply->sender, $reply->reason, $reply->replay, $reply->class]);
        same(90 * 86400, $reply->expires - $reply->issued);
        same(1, preg_match('/\A[a-z2-7]{26}\z/', $reply->id));
    },
    'a reply that is to be confirmed' => static function () use ($samples, $open): void {
        same('park', $open($samples->sealedMessage(['result' => 'park', 'reason' => 'sender_mismatch']))->outcome);
    },
    'class and original come together' => static function () use ($samples, $open): void {
        same('unknown_result', $open($samples->sealedMessage(['class' => 'wrapped']))->why);
        $both = ['class' => 'wrapped', 'original' => str_repeat('a', 30)];
        same('wrapped', $open($samples->sealedMessage($both))->reply->class);
    },
    'what is missing, doubled, altered or sealed with another key' => static function () use ($samples, $open): void {
        $good = $samples->sealedMessage();
        same('seal_missing', $open("Subject: x\r\n\r\nYes.\r\n")->why);
        same('seal_doubled', $open("x-reply-verdict: v=1\r\n$good")->why);
        same('seal_broken', $open("{$good}more")->why);
        same('seal_broken', Verdict::open($good, [str_repeat("\0", 32)])->why);
        same('pass', Verdict::open($good, [str_repeat("\0", 32), bin2hex($samples->sealKey)])->outcome);
        same('pass', $open("$good \r\n\t")->outcome, 'white space does not count');
    },
    'mistakes of the caller are told' => static function () use ($samples): void {
        throws(\InvalidArgumentException::class, static fn () => Verdict::open($samples->sealedMessage(), []), 'Keys::seal');
        throws(\InvalidArgumentException::class, static fn () => Verdict::open($samples->sealedMessage(), ['00']));
    },
    'hostile headers cost little' => static function () use ($open): void {
        $start = hrtime(true);
        foreach (["x-reply-verdict:\n", '>', "\r", "From \n", " \n", 'a:', ':', 'a', "x-reply-verdict: a=b;\n ;", "\0"] as $piece) {
            $many = str_repeat($piece, intdiv(1 << 21, strlen($piece)));
            foreach (['', 'x-reply-verdict: ', "a: b\n"] as $head) {
                same('unverified', $open($head . $many)->outcome);
            }
        }
        same(true, hrtime(true) - $start < 20_000_000_000, 'seconds');
    },
];

$unverified = ['observed' => [['would' => 'reject'], false], 'no_token' => [['user' => null], false], 'unknown_result' => [['result' => 'hold'], true]];
foreach ($unverified as $why => [$tags, $isAlarming]) {
    $tests["$why is unverified"] = static function () use ($samples, $open, $why, $tags, $isAlarming): void {
        $fate = $open($samples->sealedMessage($tags));
        same(['unverified', $why, $isAlarming, null], [$fate->outcome, $fate->why, $fate->isAlarming(), $fate->reply]);
    };
}
foreach (['id' => '../etc/passwd', 'user' => '1e3', 'context' => '-1', 'handler' => 'Issue', 'replied_to' => '0x1'] as $name => $value) {
    $tests["a holder of a seal key gets no odd $name through"] = static fn () => same(
        'unknown_result',
        $open($samples->sealedMessage([$name => $value]))->why,
    );
}
return $tests;
