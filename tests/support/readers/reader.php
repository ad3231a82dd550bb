<?php
// Reads messages (JSON, an array of base64) and prints what PHP's mailparse finds in the header of each.

function texts($value): array
{
    return array_map(fn ($one) => mb_convert_encoding((string) $one, "UTF-8", "ISO-8859-1"), (array) $value);
}

function addresses(array $headers, string ...$names): array
{
    $all = [];
    foreach ($names as $name) {
        foreach ((array) ($headers[$name] ?? []) as $value) {
            foreach (mailparse_rfc822_parse_addresses($value) as $one) {
                $all[] = texts($one["address"])[0];
            }
        }
    }
    return $all;
}

$found = [];
foreach (json_decode(stream_get_contents(STDIN)) as $written) {
    $octets = base64_decode($written);
    $part = mailparse_msg_create();
    mailparse_msg_parse($part, $octets);
    $data = mailparse_msg_get_part_data($part);
    $headers = $data["headers"];
    $fields = [];
    foreach ($headers as $name => $values) {
        foreach ((array) $values as $value) {
            $fields[] = [(string) $name, texts($value)[0], texts(iconv_mime_decode($value, 2, "UTF-8"))[0]];
        }
    }
    $ids = array_merge(texts($headers["in-reply-to"] ?? []), texts($headers["references"] ?? []));
    $found[] = [
        "fields" => $fields,
        "authors" => addresses($headers, "from"),
        "recipients" => addresses($headers, "to", "cc", "bcc", "resent-to", "resent-cc", "delivered-to"),
        "ids" => $ids,
        "body" => base64_encode(substr($octets, $data["starting-pos-body"], $data["ending-pos-body"] - $data["starting-pos-body"])),
    ];
    mailparse_msg_free($part);
}
echo json_encode($found);
