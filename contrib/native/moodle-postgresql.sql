-- Users and data keys of a Moodle in PostgreSQL, a JSON object a line; write-users runs it, and puts the prefix of the
-- tables for mdl_. Tables: lib/db/install.xml. Keys: get_user_key() of lib/moodlelib.php, and fetch_data_key() of
-- lib/classes/message/inbound/address_manager.php. The second address: message/output/email/message_output_email.php.
WITH first_keys AS (
    SELECT min(id) AS id FROM mdl_user_private_key
    WHERE script = 'messageinbound_handler' AND instance IS NULL AND iprestriction IS NULL AND validuntil IS NULL
    GROUP BY userid
), addresses AS (
    SELECT id AS userid, 0 AS place, email FROM mdl_user
    UNION ALL
    SELECT p.userid, 1, p.value FROM mdl_user_preferences p JOIN mdl_user u ON u.id = p.userid
    WHERE p.name = 'message_processor_email_email' AND lower(p.value) <> lower(u.email)
), listed AS (
    SELECT userid, string_agg(to_json(email)::text, ', ' ORDER BY place) AS texts FROM addresses
    WHERE email <> '' AND length(email) <= 254 AND email !~ '[[:cntrl:]]' GROUP BY userid
), written AS (
    SELECT 1 AS part, u.id AS one, 0 AS two, concat(
        '{"id": ', u.id, ', "secret": ', to_json(k.value), ', "addresses": [', listed.texts, '], "disabled": ',
        CASE WHEN u.deleted = 0 AND u.confirmed = 1 AND u.suspended = 0 THEN 'false' ELSE 'true' END, '}') AS line
    FROM mdl_user u JOIN mdl_user_private_key k ON k.userid = u.id JOIN first_keys ON first_keys.id = k.id
    LEFT JOIN listed ON listed.userid = u.id
    WHERE k.value <> ''
    UNION ALL
    SELECT 2, d.handler, d.datavalue, concat(
        '{"handler": ', d.handler, ', "data": ', d.datavalue, ', "secret": ', to_json(d.datakey), ', "expires": ',
        greatest(coalesce(d.expires, 0), 0), ', "disabled": ', CASE WHEN h.enabled = 1 THEN 'false' ELSE 'true' END, '}')
    FROM mdl_messageinbound_datakeys d JOIN mdl_messageinbound_handlers h ON h.id = d.handler
    WHERE d.datakey <> '' AND d.datavalue >= 0
    AND (coalesce(d.expires, 0) <= 0 OR d.expires > extract(epoch FROM now()) - 30 * 86400)
)
SELECT line FROM written ORDER BY part, one, two;
