<?php

declare(strict_types=1);

namespace ReplyMilter;

/** A webhook request can't be trusted, or can't be read. `$status`: what to answer. */
final class WebhookError extends \RuntimeException
{
    public function __construct(public readonly int $status, string $message)
    {
        parent::__construct($message);
    }
}
