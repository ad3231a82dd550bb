<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\AddressForm;
use ReplyMilter\Format\Arguments;
use ReplyMilter\Format\Encoding;
use ReplyMilter\Format\Handlers;
use ReplyMilter\Format\MessageId;
use ReplyMilter\Format\Normaliser;
use ReplyMilter\Format\Token;

/** Mints in the application, which then holds the master key. Sign mode leaves it with the mail server. */
final class Minter
{
    private readonly string $realm;
    private readonly string $masterKey;
    private readonly string $domain;
    private readonly Handlers $handlers;
    private readonly AddressForm $form;

    /**
     * @param string $masterKey the active one, 32 octets or 64 hex digits
     * @param array<string, Handler> $handlers by name
     * @throws MintError
     */
    public function __construct(
        string $realm,
        #[\SensitiveParameter] string $masterKey,
        string $domain,
        array $handlers,
        string $mailbox = 'reply',
        string $delimiter = '+',
    ) {
        $this->realm = AddressForm::realm($realm);
        $this->masterKey = AddressForm::key($masterKey);
        $this->domain = AddressForm::domain($domain);
        $this->handlers = new Handlers($handlers);
        $this->form = new AddressForm($mailbox, $delimiter);
    }

    /**
     * An address by which a user can answer one thing: one of `$context`, `$messageId` and `$locator`.
     *
     * @param string|null $messageId of the notification, with or without angle brackets
     * @param string|null $to the address that the notification is sent to: a reply from another one is a mismatch
     * @param int|null $at Unix seconds, in place of the current time
     * @param string|null $unique letters and digits that make a new Message-ID unlike all others; random
     * @throws MintError no such handler, a number out of range, a malformed id, locator or address
     */
    public function mint(
        string $handler,
        int|string $user,
        int|string|null $context = null,
        ?string $messageId = null,
        ?string $locator = null,
        ?string $to = null,
        ?int $at = null,
        ?string $unique = null,
    ): Minted {
        $found = $this->handlers->named($handler);
        $number = Arguments::whole($user, 'the user id', Arguments::USER_LIMIT);
        $now = $at ?? time();
        self::requireOne($found, $handler, $context, $messageId, $locator);
        $key = Token::userKey($this->masterKey, $this->realm, $number);
        [$answered, $id] = $found->context === 'thread'
            ? $this->thread($key, $messageId, $locator, $now, $unique)
            : $this->number($found, $handler, $context, $now, $unique);
        $issued = Token::issuedMinutes($now) ?? throw new MintError('tokens can be issued between 2025-01-01 and the year 2088');
        $token = new Token($number, $found->id, $issued, $answered, self::sender($key, $to));
        $address = $this->form->prefix . $token->write($key, $this->form->length) . '@' . $this->domain;
        $expires = Token::expiresAt($issued, $found->validityDays);
        return new Minted($address, "<$id>", Token::issuedAt($issued), $expires, $number, $answered);
    }

    private static function requireOne(
        Handler $handler,
        string $name,
        int|string|null $context,
        ?string $messageId,
        ?string $locator,
    ): void {
        $given = count(array_filter([$context, $messageId, $locator], static fn (int|string|null $one): bool => $one !== null));
        if ($given > 1) {
            throw new MintError('give one of context, messageId and locator: each says what is answered');
        }
        if ($handler->context === 'integer' && $context === null) {
            throw new MintError("the handler $name takes a number: give it a context");
        }
        if ($handler->context === 'thread' && ($given === 0 || $context !== null)) {
            throw new MintError("the handler $name binds a thread: give it a messageId or a locator");
        }
    }

    /** @return array{int, string} the context, and the Message-ID that it binds */
    private function thread(
        #[\SensitiveParameter] string $key,
        ?string $messageId,
        ?string $locator,
        int $now,
        ?string $unique,
    ): array {
        $id = $messageId === null
            ? MessageId::write(Arguments::locator((string) $locator), $now, $unique, $this->domain)
            : MessageId::mintable($messageId);
        return [Token::threadContext($key, $id), $id];
    }

    /** @return array{int, string} the context, and a Message-ID that binds nothing, but by which mail programs thread */
    private function number(Handler $handler, string $name, int|string|null $context, int $now, ?string $unique): array
    {
        $number = Arguments::whole($context, "the context of the handler $name", Arguments::CONTEXT_LIMIT);
        $locator = Arguments::isLocator("$name/$number") ? "$name/$number" : "$handler->id/$number";
        return [$number, MessageId::write($locator, $now, $unique, $this->domain)];
    }

    /** The tag of the notification's recipient; 0 if there is none, or none that can be bound. */
    private static function sender(#[\SensitiveParameter] string $key, ?string $to): int
    {
        if ($to === null || $to === '') {
            return 0;
        }
        $isQuoted = preg_match('/\A"(?:[^"\\\\\r\n]|\\\\.)*+"@[^\s<>]+\z/u', $to) === 1;
        if (!$isQuoted && (!Encoding::isUtf8($to) || !str_contains($to, '@') || preg_match('/[<>\s]/u', $to) !== 0)) {
            throw new MintError('to must be a bare address: local@domain');
        }
        $normalised = Normaliser::normalise($to);
        return $normalised === null ? 0 : Token::senderTag($key, $normalised);
    }

    /** @return array<string, string> what a dump may show */
    public function __debugInfo(): array
    {
        return ['realm' => $this->realm, 'domain' => $this->domain];
    }
}
