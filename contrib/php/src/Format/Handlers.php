<?php

declare(strict_types=1);

namespace ReplyMilter\Format;

use ReplyMilter\Handler;
use ReplyMilter\MintError;

/** Handlers by name. */
final class Handlers
{
    /** @param array<string, Handler> $handlers */
    public function __construct(private readonly array $handlers)
    {
        $ids = [];
        foreach ($handlers as $name => $handler) {
            Arguments::handlerName((string) $name);
            if (!$handler instanceof Handler) {
                throw new MintError('give the handlers by name: ["issue" => new Handler(1)]');
            }
            $ids[$handler->id] = true;
        }
        if (count($ids) < count($handlers)) {
            throw new MintError('two handlers have the same id');
        }
    }

    public function named(string $name): Handler
    {
        if (array_key_exists($name, $this->handlers)) {
            return $this->handlers[$name];
        }
        $names = implode(', ', array_keys($this->handlers));
        throw new MintError(sprintf('there is no handler %s; there are: %s', json_encode($name, JSON_INVALID_UTF8_SUBSTITUTE), $names));
    }

    /** The name of the handler with this number; null if there is none. */
    public function nameOf(int $id): ?string
    {
        foreach ($this->handlers as $name => $handler) {
            if ($handler->id === $id) {
                return (string) $name;
            }
        }
        return null;
    }
}
