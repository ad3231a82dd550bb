-- The users of a Gitea or Forgejo in PostgreSQL, a JSON object a line; write-users runs it.
-- Tables: models/user/user.go and models/user/email_address.go of both.
WITH addresses AS (
    SELECT id AS uid, 0 AS place, email FROM "user"
    UNION ALL
    SELECT e.uid, e.id, e.email FROM email_address e JOIN "user" u ON u.id = e.uid
    WHERE e.is_activated AND lower(e.email) <> lower(u.email)
), usable AS (
    SELECT uid, email, row_number() OVER (PARTITION BY uid ORDER BY place) AS nth FROM addresses
    WHERE email <> '' AND length(email) <= 254 AND email !~ '[[:cntrl:]]'
), listed AS (
    SELECT uid, string_agg(to_json(email)::text, ', ' ORDER BY nth) AS texts FROM usable WHERE nth <= 100 GROUP BY uid
)
SELECT concat(
    '{"id": ', u.id, ', "secret": ', to_json(u.rands), ', "addresses": [', listed.texts, '], "disabled": ',
    CASE WHEN u.is_active AND NOT u.prohibit_login THEN 'false' ELSE 'true' END, '}')
FROM "user" u LEFT JOIN listed ON listed.uid = u.id
WHERE u.type = 0 AND u.rands <> ''
ORDER BY u.id;
