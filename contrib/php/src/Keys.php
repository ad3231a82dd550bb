<?php

declare(strict_types=1);

namespace ReplyMilter;

/** The key files: keys.toml as `reply-milter keys` writes it, and seal.key. Give their text. */
final class Keys
{
    private const HEX = '/\A[0-9a-fA-F]{64}\z/';
    private const SETTING = '/\A[ \t]*([a-z_]+)[ \t]*=[ \t]*(?:"([A-Za-z0-9._-]*)"|([0-9]{1,12}))[ \t]*(?:#.*)?\z/';
    private const STATES = ['active', 'verify', 'retired'];

    /**
     * The keys of keys.toml.
     *
     * @throws KeyFileError
     */
    public static function master(#[\SensitiveParameter] string $text): MasterKeys
    {
        $keys = array_map(self::masterKey(...), self::tables($text));
        $active = array_values(array_filter($keys, static fn (array $key): bool => $key['state'] === 'active'));
        if (count($active) !== 1) {
            throw new KeyFileError('exactly one [[key]] must have state = "active": it mints');
        }
        if (count(array_unique(array_column($keys, 'id'), SORT_STRING)) < count($keys)) {
            throw new KeyFileError('two keys bear the same id');
        }
        $live = array_filter($keys, static fn (array $key): bool => $key['state'] !== 'retired');
        return new MasterKeys($active[0]['octets'], array_column($live, 'octets'));
    }

    /**
     * The keys of seal.key, in order: the first seals, all open.
     *
     * @return list<string>
     * @throws KeyFileError
     */
    public static function seal(#[\SensitiveParameter] string $text): array
    {
        $keys = [];
        foreach (self::lines($text) as $number => $line) {
            $digits = trim($line);
            if ($digits === '' || $digits[0] === '#') {
                continue;
            }
            if (preg_match(self::HEX, $digits) !== 1) {
                throw new KeyFileError("line $number: must be 64 hex digits");
            }
            $keys[] = (string) hex2bin($digits);
        }
        return $keys !== [] ? $keys : throw new KeyFileError('there is no key: 64 hex digits on a line are needed');
    }

    /** @return array<int, string> lines by their numbers, from 1 */
    private static function lines(string $text): array
    {
        $lines = explode("\n", str_replace("\r\n", "\n", $text));
        return array_combine(range(1, count($lines)), $lines);
    }

    /** @return list<array<string, string>> the settings of each [[key]], and its line */
    private static function tables(#[\SensitiveParameter] string $text): array
    {
        $tables = [];
        foreach (self::lines($text) as $number => $line) {
            if (preg_match('/\A[ \t]*(?:#.*)?\z/', $line) === 1) {
                continue;
            }
            if (preg_match('/\A[ \t]*\[\[key\]\][ \t]*(?:#.*)?\z/', $line) === 1) {
                $tables[] = [' line' => (string) $number];
            } else {
                $tables = self::withSetting($tables, $line, $number);
            }
        }
        return $tables;
    }

    /**
     * @param list<array<string, string>> $tables
     * @return list<array<string, string>>
     */
    private static function withSetting(array $tables, #[\SensitiveParameter] string $line, int $number): array
    {
        $last = count($tables) - 1;
        if ($last < 0 || preg_match(self::SETTING, $line, $found) !== 1 || array_key_exists($found[1], $tables[$last])) {
            throw new KeyFileError("line $number: is not as `reply-milter keys` writes it: [[key]], and below it id, state, secret");
        }
        $tables[$last][$found[1]] = $found[2] !== '' ? $found[2] : ($found[3] ?? '');
        return $tables;
    }

    /**
     * @param array<string, string> $settings
     * @return array{id: string, state: string, octets: string}
     */
    private static function masterKey(#[\SensitiveParameter] array $settings): array
    {
        [$id, $state, $secret] = array_map(static fn (string $name): string => $settings[$name] ?? '', ['id', 'state', 'secret']);
        if ($id === '' || !in_array($state, self::STATES, true) || preg_match(self::HEX, $secret) !== 1) {
            $line = $settings[' line'];
            throw new KeyFileError("line $line: this [[key]] needs an id, a state of active, verify, retired, and 64 hex digits as secret");
        }
        return ['id' => $id, 'state' => $state, 'octets' => (string) hex2bin($secret)];
    }
}
