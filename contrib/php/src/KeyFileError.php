<?php

declare(strict_types=1);

namespace ReplyMilter;

/** A key file can't be used. The message names the line, and never a secret. */
final class KeyFileError extends \RuntimeException
{
}
