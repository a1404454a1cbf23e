-- name: PackagesVersion :one
SELECT version FROM packages_version;

-- name: Packages :many
SELECT * FROM data_packages ORDER BY code;

-- name: UpsertPackages :one
-- By code. A package that stays as it is is not written.
WITH u AS (
    SELECT unnest(@codes::text[]) AS code, unnest(@names::text[]) AS name,
        unnest(@external_ids::text[]) AS external_id, unnest(@enabled::boolean[]) AS enabled
), up AS (
    INSERT INTO data_packages AS p (code, name, external_id, enabled)
    SELECT u.code, u.name, nullif(u.external_id, ''), u.enabled FROM u
    ON CONFLICT (code) DO UPDATE SET name = excluded.name, external_id = excluded.external_id,
        enabled = excluded.enabled, updated_at = now()
    WHERE (p.name, p.external_id, p.enabled) IS DISTINCT FROM (excluded.name, excluded.external_id, excluded.enabled)
    RETURNING (p.created_at = p.updated_at) AS created
)
SELECT count(*) FILTER (WHERE created) AS created, count(*) FILTER (WHERE NOT created) AS updated FROM up;
