-- Users and data keys of a Moodle in SQLite (from 3.25), a JSON object a line; write-users runs it, and puts the prefix of
-- the tables for mdl_. For copies of the tables: Moodle itself no longer runs on SQLite. Sources as in
-- moodle-postgresql.sql.
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
    SELECT userid, group_concat(json_quote(email), ', ') AS texts FROM (
        SELECT userid, email FROM addresses WHERE email <> '' AND length(email) <= 254
        AND email NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || ']*' ORDER BY userid, place
    ) GROUP BY userid
), written AS (
    SELECT 1 AS part, u.id AS one, 0 AS two,
        '{"id": ' || u.id || ', "secret": ' || json_quote(k.value) || ', "addresses": [' || coalesce(listed.texts, '') ||
        '], "disabled": ' ||
        CASE WHEN u.deleted = 0 AND u.confirmed = 1 AND u.suspended = 0 THEN 'false' ELSE 'true' END || '}' AS line
    FROM mdl_user u JOIN mdl_user_private_key k ON k.userid = u.id JOIN first_keys ON first_keys.id = k.id
    LEFT JOIN listed ON listed.userid = u.id
    WHERE k.value <> ''
    UNION ALL
    SELECT 2, d.handler, d.datavalue,
        '{"handler": ' || d.handler || ', "data": ' || d.datavalue || ', "secret": ' || json_quote(d.datakey) ||
        ', "expires": ' || max(coalesce(d.expires, 0), 0) || ', "disabled": ' ||
        CASE WHEN h.enabled = 1 THEN 'false' ELSE 'true' END || '}'
    FROM mdl_messageinbound_datakeys d JOIN mdl_messageinbound_handlers h ON h.id = d.handler
    WHERE d.datakey <> '' AND d.datavalue >= 0
    AND (coalesce(d.expires, 0) <= 0 OR d.expires > CAST(strftime('%s', 'now') AS INTEGER) - 30 * 86400)
)
SELECT line FROM written ORDER BY part, one, two;
