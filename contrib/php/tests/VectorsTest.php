<?php

/** The published test vectors of both formats, all of them. */

declare(strict_types=1);

namespace ReplyMilter\Tests;

use ReplyMilter\Format\AddressForm;
use ReplyMilter\Format\Encoding;
use ReplyMilter\Format\MessageFile;
use ReplyMilter\Format\MessageId;
use ReplyMilter\Format\Normaliser;
use ReplyMilter\Format\Token;
use ReplyMilter\Handler;
use ReplyMilter\Reader;
use ReplyMilter\Verdict;

/** For each type of group: whether a test's outputs are those that the library computes of its inputs. */
final class Vectors
{
    public static function check(string $type, array $group, array $test): bool
    {
        return match ($type) {
            'UserKey' => self::userKey($test),
            'Issued' => Token::issuedMinutes($test['unix']) === $test['issued'] && $test['issued'] !== null,
            'Thread' => (string) Token::threadContext(self::key($group), $test['messageId']) === $test['context'],
            'Mintable' => MessageId::isMintable($test['messageId']),
            'Sender' => self::sender($group, $test),
            'Key' => self::layout($test),
            'Address' => self::isRead($group, $test) && (!isset($test['user']) || self::minted($group, $test) === $test['address']),
            'Lifetime' => self::lifetime($test),
            'MessageId' => MessageId::parse($test['messageId']) === self::told($test),
            'ReplyId' => self::replyId($group, $test),
            'BodyDigest' => Verdict::bodyDigest(hex2bin($test['body'])) === $test['digest'],
            'Verdict' => self::opens($group, $test, $test['fields'], hex2bin($test['body'])),
            'Message' => self::message($group, $test),
        };
    }

    private static function key(array $group): string
    {
        return hex2bin($group['userKey']);
    }

    private static function userKey(array $test): bool
    {
        $info = Encoding::tlv('reply-milter/1/user', $test['realm'], Encoding::userOctets($test['user']));
        same($test['info'], bin2hex($info), 'info');
        return Token::userKey(hex2bin($test['masterKey']), $test['realm'], $test['user']) === hex2bin($test['userKey']);
    }

    private static function sender(array $group, array $test): bool
    {
        $normalised = Normaliser::normalise($test['address']);
        $tag = $normalised === null ? 0 : Token::senderTag(self::key($group), $normalised);
        return $normalised === $test['normalised'] && $tag === $test['sender'];
    }

    private static function layout(array $test): bool
    {
        $token = self::token(['user' => 0] + $test);
        return $token->keyText() === $test['key'] && bin2hex($token->keyOctets()) === $test['keyOctets'];
    }

    private static function token(array $test): Token
    {
        return new Token($test['user'], $test['handler'], $test['issued'], (int) $test['context'], $test['sender']);
    }

    private static function lifetime(array $test): bool
    {
        same($test['expires'], Token::expiresAt($test['issued'], $test['validityDays']));
        return Token::lifetime($test['issued'], $test['validityDays'], $test['now']) === 'valid';
    }

    private static function told(array $test): array
    {
        return ['locator' => $test['locator'] ?? '', 'repliedTo' => $test['repliedTo'] ?? 0];
    }

    private static function replyId(array $group, array $test): bool
    {
        [$key, $glob] = [self::key($group), $group['glob']];
        same($test['tokenId'], Token::id($key, $glob));
        $tag = isset($test['messageId'])
            ? Token::messageTag($key, $glob, $test['messageId'])
            : Token::contentTag($key, $glob, $test['from'], $test['date'], hex2bin($test['bodyDigest']));
        return $test['tokenId'] . $tag === $test['id'];
    }

    /** Whether the address is opened, to the fields that the test has. */
    private static function isRead(array $group, array $test): bool
    {
        $found = self::opened($group, $test['address']);
        if ($found === null) {
            return false;
        }
        if (isset($test['sameAs'])) {
            same(self::opened($group, $test['sameAs']), $found, 'sameAs');
        }
        foreach (isset($test['user']) ? ['user', 'handler', 'issued', 'context', 'sender', 'checksum'] : [] as $name) {
            same($test[$name], $found[$name], $name);
        }
        return true;
    }

    /** The token of an address, by the library's own reader, of which every number is a handler. */
    private static function opened(array $group, string $address): ?array
    {
        $form = new AddressForm($group['mailbox'], $group['delimiter']);
        same($group['n'], $form->length, 'n');
        $start = strlen($form->prefix);
        $read = Token::parse(substr($address, $start, max(0, (int) strrpos($address, '@') - $start)), $form->length);
        $handlers = ['one' => new Handler($read['token']->handler ?? 0, 'thread', 36500)];
        $reader = new Reader($group['realm'], $group['masterKeys'], [$group['domain']], $handlers, $group['mailbox'], $group['delimiter']);
        $opened = $reader->open($address, Token::issuedAt($read['token']->issued ?? 0));
        if ($opened === null || $read === null) {
            return null;
        }
        return ['context' => (string) $read['token']->context, 'checksum' => $read['checksum']] + get_object_vars($read['token']);
    }

    private static function minted(array $group, array $test): string
    {
        $form = new AddressForm($group['mailbox'], $group['delimiter']);
        $key = Token::userKey(hex2bin($test['masterKey']), $group['realm'], $test['user']);
        return $form->prefix . self::token($test)->write($key, $form->length) . '@' . $group['domain'];
    }

    private static function message(array $group, array $test): bool
    {
        $file = MessageFile::split(hex2bin($test['message']), 'x-reply-verdict');
        same($test['body'], bin2hex($file->body), 'body');
        return self::opens($group, $test, $file->values, $file->body);
    }

    private static function opens(array $group, array $test, array $values, string $body): bool
    {
        $tags = Verdict::unseal($values, array_map('hex2bin', $group['sealKeys']));
        $isTrusted = is_array($tags) && ($tags['body'] ?? '') === Verdict::bodyDigest($body);
        if ($isTrusted) {
            same($test['tags'], $tags, 'tags');
        }
        return $isTrusted;
    }
}

$tests = [];
foreach (['token.json', 'verdict.json'] as $file) {
    $whole = json_decode(file_get_contents(__DIR__ . "/../../../tests/vectors/$file"), true, 32, JSON_THROW_ON_ERROR);
    $count = 0;
    foreach ($whole['testGroups'] as $group) {
        foreach ($group['tests'] as $test) {
            $count++;
            $tests["$file $group[type] $test[tcId]: $test[comment]"] = static fn () => same(
                $test['result'] === 'valid',
                Vectors::check($group['type'], $group, $test),
                $test['result'],
            );
        }
    }
    $tests["all vectors of $file"] = static fn () => same($whole['numberOfTests'], $count);
}
return $tests;
