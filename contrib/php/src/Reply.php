<?php

declare(strict_types=1);

namespace ReplyMilter;

/** What is known of a reply. Only `$user` says who answers: the sender may have written anything into From. */
final class Reply
{
    private const TIME = '/\A[0-9]{1,11}\z/';
    private const FORMS = [
        'id' => '/\A[a-z2-7]{26}\z/',
        'handler' => '/\A[a-z0-9._-]{1,32}\z/',
        'user' => '/\A[0-9]{1,13}\z/',
        'context' => '/\A[0-9]{1,17}\z/',
        'issued' => self::TIME,
        'expires' => self::TIME,
        'replied_to' => '/\A[0-9]{1,12}\z/',
        'class' => '/\A(?:wrapped|native|open|bounce)\z/',
        'original' => '/\A[A-Za-z0-9_-]{23,5500}\z/',
    ];
    private const NEEDED = ['id', 'handler', 'user', 'context', 'issued', 'expires'];

    public function __construct(
        /** 26 characters of a-z2-7. The idempotency key: store it with the post, under a unique constraint. */
        public readonly string $id,
        public readonly int $user,
        public readonly string $handler,
        public readonly int $context,
        /** Unix seconds. */
        public readonly int $issued,
        public readonly int $expires,
        /** match, mismatch, absent, none. */
        public readonly ?string $thread = null,
        public readonly ?string $locator = null,
        /** Unix seconds. */
        public readonly ?int $repliedTo = null,
        /** match, mismatch, unknown. */
        public readonly ?string $sender = null,
        /** pass, fail, none. */
        public readonly ?string $auth = null,
        public readonly string $reason = 'ok',
        /** first, retry, duplicate, replayed, unknown. */
        public readonly ?string $replay = null,
        /** By which road it came to an application that is wrapped: wrapped, native, open, bounce. */
        public readonly ?string $class = null,
    ) {
    }

    /**
     * Whether all that is needed is told.
     *
     * @param array<string, string> $told
     */
    public static function isComplete(array $told): bool
    {
        return array_diff(self::NEEDED, array_keys($told)) === [];
    }

    /**
     * Whether each value has the form in which the milter writes it: a holder of a seal key can seal anything.
     *
     * @param array<string, string> $told
     */
    public static function isSound(array $told): bool
    {
        foreach (self::FORMS as $name => $form) {
            if (array_key_exists($name, $told) && preg_match($form, $told[$name]) !== 1) {
                return false;
            }
        }
        return true;
    }

    /**
     * The reply of which `$told` tells. It must be complete and sound.
     *
     * @param array<string, string> $told
     */
    public static function of(array $told): self
    {
        return new self(
            $told['id'],
            (int) $told['user'],
            $told['handler'],
            (int) $told['context'],
            (int) $told['issued'],
            (int) $told['expires'],
            $told['thread'] ?? null,
            $told['locator'] ?? null,
            isset($told['replied_to']) ? (int) $told['replied_to'] : null,
            $told['sender'] ?? null,
            $told['auth'] ?? null,
            $told['reason'] ?? 'ok',
            $told['replay'] ?? null,
            $told['class'] ?? null,
        );
    }
}
