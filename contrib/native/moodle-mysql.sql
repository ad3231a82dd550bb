-- Users and data keys of a Moodle in MySQL (from 8.0) or MariaDB (from 10.3), a JSON object a line; write-users runs it,
-- and puts the prefix of the tables for mdl_. Tables: lib/db/install.xml. Keys: get_user_key() of lib/moodlelib.php, and
-- fetch_data_key() of lib/classes/message/inbound/address_manager.php. The second address:
-- message/output/email/message_output_email.php.
SET SESSION group_concat_max_len = 1000000;
WITH first_keys AS (
    SELECT MIN(id) AS id FROM mdl_user_private_key
    WHERE script = 'messageinbound_handler' AND instance IS NULL AND iprestriction IS NULL AND validuntil IS NULL
    GROUP BY userid
), addresses AS (
    SELECT id AS userid, 0 AS place, email FROM mdl_user
    UNION ALL
    SELECT p.userid, 1, p.value FROM mdl_user_preferences p JOIN mdl_user u ON u.id = p.userid
    WHERE p.name = 'message_processor_email_email' AND CAST(LOWER(p.value) AS BINARY) <> CAST(LOWER(u.email) AS BINARY)
), listed AS (
    SELECT userid, GROUP_CONCAT(JSON_QUOTE(email) ORDER BY place SEPARATOR ', ') AS texts FROM addresses
    WHERE email <> '' AND CHAR_LENGTH(email) <= 254 AND email NOT REGEXP '[[:cntrl:]]' GROUP BY userid
), written AS (
    SELECT 1 AS part, u.id AS one, 0 AS two, CONCAT(
        '{"id": ', u.id, ', "secret": ', JSON_QUOTE(k.value), ', "addresses": [', COALESCE(listed.texts, ''),
        '], "disabled": ',
        CASE WHEN u.deleted = 0 AND u.confirmed = 1 AND u.suspended = 0 THEN 'false' ELSE 'true' END, '}') AS line
    FROM mdl_user u JOIN mdl_user_private_key k ON k.userid = u.id JOIN first_keys ON first_keys.id = k.id
    LEFT JOIN listed ON listed.userid = u.id
    WHERE k.value <> ''
    UNION ALL
    SELECT 2, d.handler, d.datavalue, CONCAT(
        '{"handler": ', d.handler, ', "data": ', d.datavalue, ', "secret": ', JSON_QUOTE(d.datakey), ', "expires": ',
        GREATEST(COALESCE(d.expires, 0), 0), ', "disabled": ', CASE WHEN h.enabled = 1 THEN 'false' ELSE 'true' END, '}')
    FROM mdl_messageinbound_datakeys d JOIN mdl_messageinbound_handlers h ON h.id = d.handler
    WHERE d.datakey <> '' AND d.datavalue >= 0
    AND (COALESCE(d.expires, 0) <= 0 OR d.expires > UNIX_TIMESTAMP() - 30 * 86400)
)
SELECT line FROM written ORDER BY part, one, two;
