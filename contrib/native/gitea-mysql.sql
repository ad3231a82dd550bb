-- The users of a Gitea or Forgejo in MySQL (from 8.0) or MariaDB (from 10.3), a JSON object a line; write-users runs it.
-- Tables: models/user/user.go and models/user/email_address.go of both.
SET SESSION group_concat_max_len = 1000000;
WITH addresses AS (
    SELECT id AS uid, 0 AS place, email FROM `user`
    UNION ALL
    SELECT e.uid, e.id, e.email FROM email_address e JOIN `user` u ON u.id = e.uid
    WHERE e.is_activated AND CAST(LOWER(e.email) AS BINARY) <> CAST(LOWER(u.email) AS BINARY)
), usable AS (
    SELECT uid, email, ROW_NUMBER() OVER (PARTITION BY uid ORDER BY place) AS nth FROM addresses
    WHERE email <> '' AND CHAR_LENGTH(email) <= 254 AND email NOT REGEXP '[[:cntrl:]]'
), listed AS (
    SELECT uid, GROUP_CONCAT(JSON_QUOTE(email) ORDER BY nth SEPARATOR ', ') AS texts FROM usable WHERE nth <= 100
    GROUP BY uid
)
SELECT CONCAT(
    '{"id": ', u.id, ', "secret": ', JSON_QUOTE(u.rands), ', "addresses": [', COALESCE(listed.texts, ''),
    '], "disabled": ', CASE WHEN u.is_active AND NOT u.prohibit_login THEN 'false' ELSE 'true' END, '}')
FROM `user` u LEFT JOIN listed ON listed.uid = u.id
WHERE u.type = 0 AND u.rands <> ''
ORDER BY u.id;
