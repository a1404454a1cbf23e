-- name: InsertPage :execrows
-- The first writer wins. It fails with TS001 if the record is closed.
WITH rec AS MATERIALIZED (
    SELECT require_running(@record_id)::bigint AS id
)
INSERT INTO sync_pages (record_id, seq, pass, span, span_total, next_cursor, fetched_at,
    tasks_fetched, tasks_duplicate, tasks_rejected, pass_distinct, ids,
    unchanged_matched, unchanged_pending, unchanged_failed, unchanged_idle, rows, payload, undecided)
SELECT rec.id, @seq, @pass, @span, sqlc.narg(span_total)::integer, @next_cursor, @fetched_at,
    @tasks_fetched, @tasks_duplicate, @tasks_rejected, @pass_distinct, @ids::text[],
    @unchanged_matched, @unchanged_pending, @unchanged_failed, @unchanged_idle, @rows, sqlc.narg(payload)::bytea, @undecided
FROM rec
ON CONFLICT (record_id, seq) DO NOTHING;

-- name: PageHeads :many
-- A chunk's stored pages without their rows.
SELECT seq, next_cursor, tasks_fetched, rows, undecided, (matches IS NOT NULL)::boolean AS searched
FROM sync_pages WHERE record_id = @record_id AND seq >= @from_seq AND seq < @to_seq ORDER BY seq;

-- name: PagePayload :one
SELECT fetched_at, payload, matches, coalesce(matches_version, 0) AS matches_version
FROM sync_pages WHERE record_id = @record_id AND seq = @seq;

-- name: SaveMatches :exec
-- What the search decided for a page; the first writer wins. It fails with TS001
-- if the record is closed.
WITH rec AS MATERIALIZED (
    SELECT require_running(@record_id)::bigint AS id
)
UPDATE sync_pages SET matches = @matches, matches_version = @matches_version
FROM rec WHERE sync_pages.record_id = rec.id AND sync_pages.seq = @seq AND matches IS NULL;

-- name: SeenIDs :many
-- What the earlier pages of a record had, to recognize an id that comes again.
SELECT seq, pass, ids FROM sync_pages WHERE record_id = @record_id AND seq >= @from_seq AND seq < @before_seq ORDER BY seq;

-- name: SeenRejects :many
SELECT r.task_id, r.payload, p.pass FROM sync_rejects r JOIN sync_pages p ON p.record_id = r.record_id AND p.seq = r.page_seq
WHERE r.record_id = @record_id AND r.page_seq >= @from_seq AND r.page_seq < @before_seq;

-- name: PassSums :one
-- What one reading of the window saw, and what the source said it has; -1 if
-- it told nothing. A total that changed on the way tells of tasks that came or
-- went, and so of others that changed pages: one that went from a page read
-- before hides one of a page to come, and both sums still agree.
SELECT
    coalesce(sum(pass_distinct), 0)::bigint AS distinct_seen,
    EXISTS (SELECT 1 FROM sync_pages c WHERE c.record_id = @record_id AND c.pass = @pass
        GROUP BY c.span HAVING min(c.span_total) <> max(c.span_total)) AS total_changed,
    (SELECT coalesce(sum(t.span_total), -1) FROM (
        SELECT DISTINCT ON (span) span_total FROM sync_pages q
        WHERE q.record_id = @record_id AND q.pass = @pass AND q.span_total IS NOT NULL
        ORDER BY span, seq DESC) t)::bigint AS source_total
FROM sync_pages p WHERE p.record_id = @record_id AND p.pass = @pass;

-- name: LastPassTasks :one
-- How many valid tasks the last reading of the window saw.
SELECT coalesce(sum(cardinality(p.ids)), 0)::bigint FROM sync_pages p
WHERE p.record_id = @record_id AND p.pass = (SELECT max(q.pass) FROM sync_pages q WHERE q.record_id = @record_id);

-- name: InsertRejects :exec
INSERT INTO sync_rejects (record_id, page_seq, no, task_id, task_name, reason, payload)
SELECT @record_id, @page_seq, unnest(@nos::int[]), unnest(@task_ids::text[]), unnest(@task_names::text[]),
    unnest(@reasons::text[]), unnest(@payloads::bytea[])
ON CONFLICT DO NOTHING;

-- name: InsertTaskErrors :exec
INSERT INTO sync_task_errors (record_id, task_id, task_name, kind, error)
SELECT @record_id, unnest(@task_ids::text[]), unnest(@task_names::text[]), unnest(@kinds::text[]), unnest(@errors::text[])
ON CONFLICT DO NOTHING;
