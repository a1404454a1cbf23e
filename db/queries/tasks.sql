-- name: StoredTasks :many
-- What is stored of a page's tasks, by id: one walk through the index.
SELECT t.id, t.content_hash, t.missing_at, t.match_state, coalesce(t.package_id, 0) AS package_id,
    t.match_layer, t.match_reason, t.match_version
FROM tasks t WHERE t.id = ANY(@ids::text[]);

-- name: UpsertBatch :one
-- One batch, one statement, one transaction: the tasks with their match, the
-- errors and the outcome. It fails with TS001 if the record is closed, and on
-- the primary key of sync_batches if the outcome exists. As with begin_batch, its
-- commit does not wait for the disk.
-- Rows come sorted by id, so that two writers lock them in one order.
WITH rec AS MATERIALIZED (
    SELECT require_running(@record_id)::bigint AS id, set_config('synchronous_commit', 'off', true)
), u AS (
    SELECT unnest(@ids::text[]) AS id, unnest(@names::text[]) AS name, unnest(@refs::text[]) AS package_ref,
        unnest(@states::text[]) AS state, unnest(@totals::bigint[]) AS total, unnest(@called::bigint[]) AS called,
        unnest(@connected::bigint[]) AS connected, unnest(@succeeded::bigint[]) AS succeeded,
        unnest(@source_created_ats::timestamptz[]) AS source_created_at, unnest(@attributes::text[]) AS attributes,
        unnest(@hashes::bytea[]) AS content_hash, unnest(@match_states::text[]) AS match_state,
        unnest(@package_ids::bigint[]) AS package_id, unnest(@layers::smallint[]) AS match_layer,
        unnest(@reasons::text[]) AS match_reason, unnest(@match_versions::bigint[]) AS match_version
), up AS (
    INSERT INTO tasks AS t (id, name, package_ref, state, total, called, connected, succeeded, source_created_at,
        attributes, content_hash, fetched_at, match_state, package_id, match_layer, match_reason,
        match_version, norm_version)
    SELECT u.id, u.name, u.package_ref, u.state, u.total, u.called, u.connected, u.succeeded, u.source_created_at,
        nullif(u.attributes, '')::jsonb, u.content_hash, @fetched_at, u.match_state, nullif(u.package_id, 0), u.match_layer,
        u.match_reason, nullif(u.match_version, 0), @norm_version
    FROM u, rec
    ON CONFLICT (id) DO UPDATE SET
        name = excluded.name, package_ref = excluded.package_ref, state = excluded.state, total = excluded.total,
        called = excluded.called, connected = excluded.connected, succeeded = excluded.succeeded,
        source_created_at = excluded.source_created_at, attributes = excluded.attributes,
        content_hash = excluded.content_hash, fetched_at = excluded.fetched_at, match_state = excluded.match_state,
        package_id = excluded.package_id, match_layer = excluded.match_layer, match_reason = excluded.match_reason,
        match_version = excluded.match_version, norm_version = excluded.norm_version, missing_at = NULL,
        revision = t.revision + 1, updated_at = now()
    WHERE t.fetched_at <= excluded.fetched_at
    RETURNING t.id, t.revision, t.match_state
), kept AS MATERIALIZED (
    -- A row that up left out holds a newer answer: it was there, and keeps its
    -- match. There is none as a rule, and then nothing is looked for. The look
    -- sees a row that came while up waited for it, which this statement does not.
    SELECT k.id, k.name, k.match_state, k.match_reason
    FROM rec, tasks_now(ARRAY(SELECT x.id FROM unnest(@ids::text[]) AS x(id) WHERE x.id NOT IN (SELECT up.id FROM up))) AS k
    WHERE (SELECT count(*) FROM up) < cardinality(@ids::text[])
), o AS (
    SELECT up.revision, up.match_state FROM up
    UNION ALL
    SELECT NULL, kept.match_state FROM kept
), e AS (
    INSERT INTO sync_task_errors (record_id, task_id, task_name, kind, error)
    SELECT rec.id, x.task_id, x.task_name, x.kind, x.error
    FROM rec, (SELECT unnest(@error_ids::text[]) AS task_id, unnest(@error_names::text[]) AS task_name,
        unnest(@error_kinds::text[]) AS kind, unnest(@errors::text[]) AS error) x
    WHERE x.kind = 'store' OR x.task_id IN (SELECT up.id FROM up)
    UNION ALL
    SELECT rec.id, kept.id, kept.name, 'match', kept.match_reason FROM rec, kept WHERE kept.match_state = 'failed'
    ON CONFLICT DO NOTHING
)
INSERT INTO sync_batches (record_id, page_seq, no, tasks, tasks_new, tasks_updated, tasks_unchanged,
    tasks_matched, tasks_pending, tasks_failed, tasks_idle, tasks_unstored, packages_version)
SELECT rec.id, @page_seq, @no, s.stored + @unstored::int, s.new, s.stored - s.new, s.kept,
    s.matched, s.pending, s.failed, s.idle, @unstored::int, @packages_version
FROM rec, (SELECT
        count(*)::int AS stored,
        count(*) FILTER (WHERE o.revision = 1)::int AS new,
        count(*) FILTER (WHERE o.revision IS NULL)::int AS kept,
        count(*) FILTER (WHERE o.match_state = 'matched')::int AS matched,
        count(*) FILTER (WHERE o.match_state = 'pending')::int AS pending,
        count(*) FILTER (WHERE o.match_state = 'failed')::int AS failed,
        count(*) FILTER (WHERE o.match_state = 'idle')::int AS idle
    FROM o) s
RETURNING tasks;

-- name: Flush :exec
-- A commit that waits for the disk: everything committed before is then safe too.
SELECT pg_logical_emit_message(true, 'tasksync', '');

-- name: BatchOutcomes :many
SELECT page_seq, no, tasks FROM sync_batches
WHERE record_id = @record_id AND page_seq >= @from_seq AND page_seq < @to_seq;

-- name: CountWindowTasks :one
SELECT count(*) FROM tasks
WHERE source_created_at >= @window_from AND source_created_at < @window_to AND missing_at IS NULL;

-- name: MarkMissing :execrows
-- One hashed look against what the pages of the record's last reading had: what
-- an earlier one saw may be gone by then. No row is touched for being seen. A task
-- of a newer answer is left alone, and an older one does not bring a task back.
-- NOT IN, and not NOT EXISTS: the planner cannot know how many ids the pages hold,
-- and would loop over them for each task of a window that is newer than its
-- statistics.
WITH reading AS MATERIALIZED (
    SELECT min(p.fetched_at) AS asked FROM sync_pages p WHERE p.record_id = @record_id
        AND p.pass = (SELECT max(q.pass) FROM sync_pages q WHERE q.record_id = @record_id)
)
UPDATE tasks SET missing_at = now(), updated_at = now(), fetched_at = (SELECT reading.asked FROM reading)
WHERE tasks.fetched_at <= (SELECT reading.asked FROM reading)
  AND source_created_at >= @window_from AND source_created_at < @window_to AND missing_at IS NULL
  AND tasks.id NOT IN (SELECT unnest(p.ids) FROM sync_pages p WHERE p.record_id = @record_id
      AND p.pass = (SELECT max(q.pass) FROM sync_pages q WHERE q.record_id = @record_id))
  AND tasks.id NOT IN (SELECT r.task_id FROM sync_rejects r WHERE r.record_id = @record_id);
