-- name: InsertAttempts :exec
-- The same attempt of the same execution, noted at another time, takes the place
-- of the one that was noted before.
WITH a AS (
    SELECT unnest(@steps::text[]) AS step, unnest(@attempts::int[]) AS attempt, unnest(@kinds::text[]) AS kind,
        unnest(@error_types::text[]) AS error_type, unnest(@errors::text[]) AS error, unnest(@ats::timestamptz[]) AS at,
        unnest(@waits_ms::bigint[]) AS wait_ms, unnest(@outcomes::text[]) AS outcome, unnest(@run_ids::text[]) AS run_id
), gone AS (
    DELETE FROM sync_attempts t USING a
    WHERE t.record_id = @record_id AND t.run_id = a.run_id AND t.step = a.step AND t.attempt = a.attempt AND t.at <> a.at
)
INSERT INTO sync_attempts (record_id, step, attempt, kind, error_type, error, at, wait_ms, outcome, run_id)
SELECT @record_id, a.step, a.attempt, a.kind, a.error_type, a.error, a.at, a.wait_ms, a.outcome, a.run_id FROM a
ON CONFLICT (record_id, step, attempt, at) DO NOTHING;

-- name: Attempts :many
SELECT * FROM sync_attempts WHERE record_id = @record_id ORDER BY at, step, attempt;
