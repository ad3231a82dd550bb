<?php

declare(strict_types=1);

namespace ReplyMilter;

/** The request can't be minted; the message says what to give instead. */
final class MintError extends \InvalidArgumentException
{
}
