<?php

/** Runs every test of this folder: each *Test.php returns its tests by name. Exits with 1 if one fails. */

declare(strict_types=1);

require __DIR__ . '/../autoload.php';
require __DIR__ . '/assertions.php';

error_reporting(E_ALL);
set_error_handler(static function (int $level, string $message, string $file, int $line): never {
    throw new ErrorException($message, 0, $level, $file, $line);
});

[$run, $failed] = [0, 0];
foreach (glob(__DIR__ . '/*Test.php') ?: [] as $file) {
    foreach ((static fn (): array => require $file)() as $name => $test) {
        $run++;
        try {
            $test();
        } catch (Throwable $error) {
            $failed++;
            printf("not ok: %s: %s\n    %s: %s (line %d)\n", basename($file, '.php'), $name, $error::class, $error->getMessage(), $error->getLine());
        }
    }
}
printf("%d tests, %d failed\n", $run, $failed);
exit($failed > 0 || $run === 0 ? 1 : 0);
