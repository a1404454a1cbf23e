-- name: NextRecordID :one
SELECT nextval('sync_records_id_seq')::bigint;

-- name: OpenRecord :one
-- A second call of the same execution changes nothing and answers the row.
INSERT INTO sync_records (id, sync_type, trigger_type, status, start_time, max_retries,
    workflow_id, first_run_id, window_from, window_to, scheduled_at, locked_by, actor)
VALUES (@id, @sync_type, @trigger_type, 'running', @start_time, @max_retries,
    @workflow_id, @first_run_id, @window_from, @window_to, sqlc.narg(scheduled_at), @locked_by, @actor)
ON CONFLICT (workflow_id, first_run_id) DO UPDATE SET workflow_id = excluded.workflow_id
RETURNING *;

-- name: RecordByRun :one
SELECT * FROM sync_records WHERE workflow_id = @workflow_id AND first_run_id = @first_run_id;

-- name: Record :one
SELECT * FROM sync_records WHERE id = @id;

-- name: RunningRecords :many
SELECT * FROM sync_records WHERE status = 'running' ORDER BY id;

-- name: RunningRecordOf :one
SELECT * FROM sync_records WHERE workflow_id = @workflow_id AND status = 'running';

-- name: LockRecord :exec
-- Closing waits for the writers in flight and holds off further ones, which
-- require_running then refuses.
SELECT pg_advisory_xact_lock(record_lock(@id));

-- name: RunningRecord :one
SELECT * FROM sync_records WHERE id = @id AND status = 'running' FOR UPDATE;

-- name: CloseRecord :exec
UPDATE sync_records SET
    status = @status, end_time = @end_time, duration = @duration, duration_ms = @duration_ms,
    tasks_total = @tasks_total, tasks_new = @tasks_new, tasks_updated = @tasks_updated,
    tasks_unchanged = @tasks_unchanged, tasks_matched = @tasks_matched, tasks_pending = @tasks_pending,
    tasks_failed = @tasks_failed, tasks_idle = @tasks_idle, tasks_fetched = @tasks_fetched,
    tasks_duplicate = @tasks_duplicate, tasks_rejected = @tasks_rejected, tasks_unstored = @tasks_unstored,
    tasks_unprocessed = @tasks_unprocessed, source_total = @source_total, tasks_distinct = @tasks_distinct,
    warnings = @warnings, error_message = @error_message, error_type = @error_type, error_details = @error_details,
    retry_count = @retry_count, closed_by = @closed_by, updated_at = now()
WHERE id = @id AND status = 'running';

-- name: DropClaims :exec
-- What the activities handed to each other is not needed once all of it is stored.
UPDATE sync_pages SET payload = NULL, matches = NULL
WHERE record_id = @record_id AND (payload IS NOT NULL OR matches IS NOT NULL);

-- name: ReopenRecord :execrows
UPDATE sync_records SET
    status = 'running', end_time = NULL, duration = NULL, duration_ms = NULL,
    error_message = NULL, error_type = NULL, error_details = NULL, closed_by = NULL, warnings = '[]',
    is_read = false, read_at = NULL, read_by = NULL, updated_at = now()
WHERE id = @id AND status <> 'running';

-- name: SetAlarm :exec
-- A message on a record that is still running; closing replaces it.
UPDATE sync_records SET error_message = @message, updated_at = now()
WHERE id = @id AND status = 'running' AND error_message IS DISTINCT FROM @message;

-- name: RecordSums :one
-- What the pages and the batches of a record add up to. The last pass says
-- what the source has.
WITH p AS (
    SELECT
        coalesce(sum(tasks_fetched), 0)::bigint AS fetched,
        coalesce(sum(tasks_duplicate), 0)::bigint AS duplicate,
        coalesce(sum(tasks_rejected), 0)::bigint AS rejected,
        coalesce(sum(unchanged_matched), 0)::bigint AS matched,
        coalesce(sum(unchanged_pending), 0)::bigint AS pending,
        coalesce(sum(unchanged_failed), 0)::bigint AS failed,
        coalesce(sum(unchanged_idle), 0)::bigint AS idle,
        coalesce(sum(rows), 0)::bigint AS rows, count(*) AS pages
    FROM sync_pages WHERE sync_pages.record_id = @record_id
), b AS (
    SELECT
        coalesce(sum(tasks), 0)::bigint AS tasks,
        coalesce(sum(tasks_new), 0)::bigint AS new,
        coalesce(sum(tasks_updated), 0)::bigint AS updated,
        coalesce(sum(tasks_unchanged), 0)::bigint AS unchanged,
        coalesce(sum(tasks_matched), 0)::bigint AS matched,
        coalesce(sum(tasks_pending), 0)::bigint AS pending,
        coalesce(sum(tasks_failed), 0)::bigint AS failed,
        coalesce(sum(tasks_idle), 0)::bigint AS idle,
        coalesce(sum(tasks_unstored), 0)::bigint AS unstored
    FROM sync_batches WHERE sync_batches.record_id = @record_id
)
SELECT
    (p.fetched - p.duplicate - (p.rows - b.tasks))::bigint AS total,
    b.new,
    (p.matched + p.pending + p.failed + p.idle + b.updated)::bigint AS updated,
    (p.matched + p.pending + p.failed + p.idle + b.unchanged)::bigint AS unchanged,
    (p.matched + b.matched)::bigint AS matched,
    (p.pending + b.pending)::bigint AS pending,
    (p.failed + b.failed + p.rejected + b.unstored)::bigint AS failed,
    (p.idle + b.idle)::bigint AS idle,
    p.fetched, p.duplicate, p.rejected, b.unstored,
    (p.rows - b.tasks)::bigint AS unprocessed,
    p.pages
FROM p, b;

-- name: LastPassSums :one
-- What the last reading of the window saw, and the newest total of each of its
-- spans; -1 if the source told none.
WITH last AS (
    SELECT coalesce(max(pass), 0) AS pass FROM sync_pages WHERE record_id = @record_id
)
SELECT
    (SELECT coalesce(sum(p.pass_distinct), 0) FROM sync_pages p
     WHERE p.record_id = @record_id AND p.pass = last.pass)::bigint AS distinct_seen,
    (SELECT coalesce(sum(t.span_total), -1) FROM (
        SELECT DISTINCT ON (span) span_total FROM sync_pages q
        WHERE q.record_id = @record_id AND q.pass = last.pass AND q.span_total IS NOT NULL
        ORDER BY span, seq DESC) t)::bigint AS source_total
FROM last;

-- name: EarlierSlot :one
-- The last run of the given slots that went to its end and saw what the source
-- said it has.
SELECT id, scheduled_at, tasks_distinct FROM sync_records
WHERE sync_type = @sync_type AND scheduled_at = ANY(@slots::timestamptz[]) AND status IN ('success', 'partial')
  AND tasks_unprocessed = 0 AND (source_total IS NULL OR source_total = tasks_distinct)
ORDER BY scheduled_at DESC, id DESC LIMIT 1;

-- name: FirstErrors :many
-- The first failed tasks of a record, for error_details.
SELECT task_id, task_name, reason AS error FROM sync_rejects r WHERE r.record_id = @record_id
UNION ALL
SELECT task_id, task_name, error FROM sync_task_errors e WHERE e.record_id = @record_id
ORDER BY task_id
LIMIT sqlc.arg(max_errors);

-- name: ListRecords :many
SELECT * FROM sync_records ORDER BY start_time DESC, id DESC
LIMIT sqlc.arg(per_page) OFFSET sqlc.arg(skip);

-- name: ListRecordsOfType :many
SELECT * FROM sync_records WHERE sync_type = @sync_type ORDER BY start_time DESC, id DESC
LIMIT sqlc.arg(per_page) OFFSET sqlc.arg(skip);

-- name: CountRecords :one
SELECT count(*) FROM sync_records;

-- name: CountRecordsOfType :one
SELECT count(*) FROM sync_records WHERE sync_type = @sync_type;

-- name: CountUnread :one
SELECT count(*) AS unread, count(*) FILTER (WHERE status IN ('failed', 'partial')) AS unread_failed
FROM sync_records WHERE NOT is_read AND status <> 'running';

-- name: LatestRecord :one
SELECT * FROM sync_records WHERE sync_type = @sync_type AND trigger_type <> 'backfill'
ORDER BY start_time DESC, id DESC LIMIT 1;

-- name: MarkRead :execrows
UPDATE sync_records SET is_read = true, read_at = now(), read_by = @read_by, updated_at = now()
WHERE id = @id AND status <> 'running' AND NOT is_read;

-- name: MarkAllRead :execrows
UPDATE sync_records SET is_read = true, read_at = now(), read_by = @read_by, updated_at = now()
WHERE NOT is_read AND status <> 'running';

-- name: DeleteOldRecords :execrows
-- Bounded, so that no delete runs long; what hangs on a record goes with it. The
-- status is looked at again, for a record that is being reopened.
DELETE FROM sync_records WHERE status <> 'running' AND id IN (
    SELECT r.id FROM sync_records r
    WHERE r.created_at < @before AND r.status <> 'running'
    ORDER BY r.created_at LIMIT sqlc.arg(max_rows)
);
