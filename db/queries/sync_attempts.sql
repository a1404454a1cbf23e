-- name: InsertAttempts :exec
INSERT INTO sync_attempts (record_id, step, attempt, kind, error_type, error, at, wait_ms, outcome)
SELECT @record_id, unnest(@steps::text[]), unnest(@attempts::int[]), unnest(@kinds::text[]), unnest(@error_types::text[]),
    unnest(@errors::text[]), unnest(@ats::timestamptz[]), unnest(@waits_ms::bigint[]), unnest(@outcomes::text[])
ON CONFLICT (record_id, step, attempt, at) DO NOTHING;

-- name: Attempts :many
SELECT * FROM sync_attempts WHERE record_id = @record_id ORDER BY at, step, attempt;
