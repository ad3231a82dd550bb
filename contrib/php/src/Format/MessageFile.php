<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

/** Header and body of a message, octet by octet: verdict-header.md section 3.1. */
final class MessageFile
{
    private const HEADER_OCTETS = 1 << 20; // no milter of ours seals a quarter of it
    private const VISIBLE = '!"#$%&\'()*+,-./0123456789;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~';

    /**
     * @param list<string> $values of all fields of the name, folding and all
     */
    private function __construct(public readonly array $values, public readonly string $body)
    {
    }

    /** `$name`: of the field, in lower case. */
    public static function split(string $message, string $name): self
    {
        [$values, $wanted, $begun] = [[], false, false];
        $position = self::endOfMboxLines($message);
        while ($position < strlen($message)) {
            $end = self::endOfLine($message, $position);
            $line = substr($message, $position, $end - $position);
            if (self::isEmpty($line)) {
                return new self($values, substr($message, $end));
            }
            $isContinuation = $begun && ($line[0] === ' ' || $line[0] === "\t");
            $colon = $isContinuation ? false : strpos($line, ':');
            $field = $colon === false ? '' : self::name(substr($line, 0, $colon));
            if ($end > self::HEADER_OCTETS || (!$isContinuation && $field === '')) {
                return new self($values, substr($message, $position));
            }
            if ($isContinuation && $wanted) {
                $values[count($values) - 1] .= $line;
            } elseif (!$isContinuation) {
                [$begun, $wanted] = [true, $field === $name];
            }
            if ($wanted && !$isContinuation) {
                $values[] = substr($line, (int) $colon + 1);
            }
            $position = $end;
        }
        return new self($values, '');
    }

    /** A field's name in lower case; empty if it is none. */
    private static function name(string $text): string
    {
        $name = rtrim($text, " \t");
        return strspn($name, self::VISIBLE) === strlen($name) ? Encoding::lower($name) : '';
    }

    private static function endOfMboxLines(string $message): int
    {
        $position = 0;
        while (self::isMboxLine($message, $position)) {
            $position = self::endOfLine($message, $position);
        }
        return $position;
    }

    private static function isMboxLine(string $message, int $position): bool
    {
        $at = $position + strspn($message, '>', $position);
        return Encoding::lower(substr($message, $at, 5)) === 'from ';
    }

    private static function endOfLine(string $message, int $position): int
    {
        $end = $position < strlen($message) ? strpos($message, "\n", $position) : false;
        return $end === false ? strlen($message) : $end + 1;
    }

    private static function isEmpty(string $line): bool
    {
        $rest = substr($line, strspn($line, "\r"));
        return $rest === '' || $rest === "\n";
    }
}
