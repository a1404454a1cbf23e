-- name: LargestRecordID :one
SELECT coalesce(max(id), 0)::bigint AS id FROM sync_records;

-- name: WrongSums :many
-- Finished records whose numbers contradict each other. The pages and batches
-- of a record live as long as the record.
WITH p AS (
    SELECT record_id, sum(tasks_fetched) AS fetched, sum(tasks_duplicate) AS duplicate, sum(tasks_rejected) AS rejected,
        sum(unchanged_matched + unchanged_pending + unchanged_failed + unchanged_idle) AS unchanged, sum(rows) AS rows
    FROM sync_pages GROUP BY record_id
), b AS (
    SELECT record_id, sum(tasks) AS tasks, sum(tasks_new) AS new, sum(tasks_updated) AS updated FROM sync_batches GROUP BY record_id
), w AS (
    SELECT r.id, r.status,
        NOT (r.tasks_total = r.tasks_matched + r.tasks_pending + r.tasks_failed + r.tasks_idle
            AND r.tasks_total = r.tasks_new + r.tasks_updated + r.tasks_rejected + r.tasks_unstored
            AND r.tasks_total = r.tasks_fetched - r.tasks_duplicate - r.tasks_unprocessed) AS sums,
        NOT (r.tasks_fetched = coalesce(p.fetched, 0) AND r.tasks_duplicate = coalesce(p.duplicate, 0)
            AND r.tasks_rejected = coalesce(p.rejected, 0) AND r.tasks_new = coalesce(b.new, 0)
            AND r.tasks_updated = coalesce(p.unchanged, 0) + coalesce(b.updated, 0)
            AND r.tasks_unprocessed = coalesce(p.rows, 0) - coalesce(b.tasks, 0)) AS parts,
        (r.status = 'success' AND (r.tasks_unprocessed > 0 OR r.tasks_failed > 0 OR r.source_total <> r.tasks_distinct)) IS TRUE AS green
    FROM sync_records r LEFT JOIN p ON p.record_id = r.id LEFT JOIN b ON b.record_id = r.id
    WHERE r.status <> 'running'
)
SELECT w.id, w.status, w.sums::boolean AS sums, w.parts::boolean AS parts, w.green::boolean AS green
FROM w WHERE w.sums OR w.parts OR w.green ORDER BY w.id LIMIT 100;

-- name: LeftClaims :many
SELECT r.id, r.status, r.workflow_id, r.first_run_id, r.tasks_unprocessed,
    sum(coalesce(length(p.payload), 0) + coalesce(length(p.matches), 0))::bigint AS bytes
FROM sync_records r JOIN sync_pages p ON p.record_id = r.id
WHERE r.status <> 'running' AND (p.payload IS NOT NULL OR p.matches IS NOT NULL)
GROUP BY r.id ORDER BY r.id LIMIT 100;

-- name: PackagesVersions :one
SELECT coalesce((SELECT v.version FROM packages_version v), 0)::bigint AS version,
    greatest((SELECT coalesce(max(t.match_version), 0) FROM tasks t), (SELECT coalesce(max(p.matches_version), 0) FROM sync_pages p),
        (SELECT coalesce(max(b.packages_version), 0) FROM sync_batches b))::bigint AS seen;

-- name: RaisePackagesVersion :exec
INSERT INTO packages_version (version) VALUES (@version)
ON CONFLICT (only_row) DO UPDATE SET version = greatest(packages_version.version, excluded.version);

-- name: RecordStatuses :many
SELECT id, status, error_type FROM sync_records WHERE id = ANY(@ids::bigint[]);
