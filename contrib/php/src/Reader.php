<?php

declare(strict_types=1);

namespace ReplyMilter;

use ReplyMilter\Format\AddressForm;
use ReplyMilter\Format\Encoding;
use ReplyMilter\Format\Handlers;
use ReplyMilter\Format\Token;

/** Reads reply addresses without a milter: token-format.md section 9. It knows no revocation and no replay. */
final class Reader
{
    private readonly string $realm;
    /** @var list<string> newest first */
    private readonly array $masterKeys;
    /** @var list<string> */
    private readonly array $domains;
    private readonly Handlers $handlers;
    private readonly AddressForm $form;

    /**
     * @param list<string> $masterKeys all live ones, oldest first, as keys.toml has them
     * @param list<string> $domains
     * @param array<string, Handler> $handlers by name
     * @throws MintError
     */
    public function __construct(
        string $realm,
        #[\SensitiveParameter] array $masterKeys,
        array $domains,
        array $handlers,
        string $mailbox = 'reply',
        string $delimiter = '+',
    ) {
        if ($masterKeys === [] || $domains === []) {
            throw new MintError('masterKeys must be a list of live keys, domains a list of domains');
        }
        $this->realm = AddressForm::realm($realm);
        $this->masterKeys = array_reverse(array_map(AddressForm::key(...), array_values($masterKeys)));
        $this->domains = array_map(AddressForm::domain(...), array_values($domains));
        $this->handlers = new Handlers($handlers);
        $this->form = new AddressForm($mailbox, $delimiter);
    }

    /**
     * What an envelope recipient says; null for all that is not genuine, whatever the reason.
     *
     * @param string $address of the envelope, never of a header field
     * @param int|null $now Unix seconds, in place of the current time
     */
    public function open(string $address, ?int $now = null): ?OpenedAddress
    {
        $read = $this->read($address);
        $key = $read === null ? null : $this->verified($read['token'], $read['checksum']);
        $name = $key === null ? null : $this->handlers->nameOf($read['token']->handler);
        if ($name === null) {
            return null;
        }
        $handler = $this->handlers->named($name);
        $state = Token::lifetime($read['token']->issued, $handler->validityDays, $now ?? time());
        return $state === 'future' ? null : self::opened($read['token'], $read['glob'], $key, $handler, $name, $state === 'valid');
    }

    private static function opened(
        Token $token,
        string $glob,
        #[\SensitiveParameter] string $key,
        Handler $handler,
        string $name,
        bool $isValid,
    ): OpenedAddress {
        return new OpenedAddress(
            $isValid,
            Token::id($key, $glob),
            $token->user,
            $name,
            $token->context,
            Token::issuedAt($token->issued),
            Token::expiresAt($token->issued, $handler->validityDays),
            $token->sender !== 0,
            $handler->context === 'thread' ? $key : null,
        );
    }

    /** @return array{token: Token, glob: string, checksum: string}|null */
    private function read(string $address): ?array
    {
        $at = strrpos($address, '@');
        $start = strlen($this->form->prefix);
        if ($at === false || $at < $start || Encoding::lower(substr($address, 0, $start)) !== $this->form->prefix) {
            return null;
        }
        $isOurs = in_array(Encoding::lower(substr($address, $at + 1)), $this->domains, true);
        return $isOurs ? Token::parse(substr($address, $start, $at - $start), $this->form->length) : null;
    }

    /** The user key that made the checksum. All live keys are tried, also behind the one that fits. */
    private function verified(Token $token, string $checksum): ?string
    {
        $found = null;
        foreach ($this->masterKeys as $masterKey) {
            $key = Token::userKey($masterKey, $this->realm, $token->user);
            if (hash_equals($token->checksum($key, $this->form->length), $checksum)) {
                $found ??= $key;
            }
        }
        return $found;
    }

    /** @return array<string, mixed> what a dump may show */
    public function __debugInfo(): array
    {
        return ['realm' => $this->realm, 'domains' => $this->domains];
    }
}
