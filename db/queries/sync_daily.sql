-- name: LockDays :exec
-- One closing at a time adds up the days of a type: each must see the others.
SELECT pg_advisory_xact_lock(hashtext('sync_daily'), hashtext(@sync_type));

-- name: RollUpDay :exec
-- Made anew from the records that started on the business day, so that a
-- record that closes twice (after a reset) counts once.
INSERT INTO sync_daily (day, sync_type, runs_success, runs_partial, runs_failed, runs_canceled, tasks_total, tasks_new,
    tasks_updated, tasks_matched, tasks_pending, tasks_failed, tasks_idle, durations)
SELECT @day::date, r.sync_type,
    count(*) FILTER (WHERE status = 'success'), count(*) FILTER (WHERE status = 'partial'),
    count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'canceled'),
    sum(tasks_total), sum(tasks_new), sum(tasks_updated), sum(tasks_matched), sum(tasks_pending),
    sum(tasks_failed), sum(tasks_idle), array_agg(duration_ms ORDER BY start_time, id)
FROM sync_records r
WHERE r.start_time >= @day_from AND r.start_time < @day_to AND r.status <> 'running'
  AND r.sync_type = @sync_type
GROUP BY r.sync_type
ON CONFLICT (day, sync_type) DO UPDATE SET
    runs_success = excluded.runs_success, runs_partial = excluded.runs_partial, runs_failed = excluded.runs_failed,
    runs_canceled = excluded.runs_canceled, tasks_total = excluded.tasks_total, tasks_new = excluded.tasks_new,
    tasks_updated = excluded.tasks_updated, tasks_matched = excluded.tasks_matched, tasks_pending = excluded.tasks_pending,
    tasks_failed = excluded.tasks_failed, tasks_idle = excluded.tasks_idle, durations = excluded.durations, updated_at = now();
