-- migrate:up
-- One row: raised by a rebuild, which fences what still counts for the one before.
CREATE TABLE kpi_generation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation bigint NOT NULL
);
INSERT INTO kpi_generation (generation) VALUES (1);

-- How far each topic partition has been read. `writers`: writer to [incarnation, sequence].
CREATE TABLE kpi_cursor (
    topic text NOT NULL,
    shard integer NOT NULL,
    next_offset bigint NOT NULL,
    writers jsonb NOT NULL,
    PRIMARY KEY (topic, shard)
);

-- What one topic partition gives to a window.
CREATE TABLE kpi_part (
    tenant_id text NOT NULL,
    start_ms bigint NOT NULL,
    pool text NOT NULL,
    channel text NOT NULL,
    topic text NOT NULL,
    shard integer NOT NULL,
    next_offset bigint NOT NULL,
    counts jsonb NOT NULL,
    PRIMARY KEY (tenant_id, start_ms, pool, channel, topic, shard)
);
CREATE INDEX kpi_part_start ON kpi_part (start_ms);

-- The sum of its parts. Revisions rise in the order of commits: they are given under a lock.
CREATE TABLE kpi_window (
    tenant_id text NOT NULL,
    start_ms bigint NOT NULL,
    pool text NOT NULL,
    channel text NOT NULL,
    counts jsonb NOT NULL,
    revision bigint NOT NULL UNIQUE,
    updated_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, start_ms, pool, channel)
);
CREATE INDEX kpi_window_start ON kpi_window (start_ms);
CREATE SEQUENCE kpi_revision;

-- Saves a batch: {generation, now_ms, moves: [{topic, shard, saved_offset, next_offset, writers}],
-- changes: [{tenant_id, start_ms, pool, channel, topic, shard, base_offset, next_offset, counts}]}.
-- Returns {windows: [...]}, or {stale: [...]} with the parts that are not as the batch took them to
-- be, and then has changed nothing. The same batch again changes nothing. SBF01: fenced.
CREATE FUNCTION save_parts(doc jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    places integer := jsonb_array_length(doc->'moves');
    moved integer;
    rows_changed integer;
    stale jsonb;
BEGIN
    PERFORM 1 FROM kpi_generation
    WHERE generation = (doc->>'generation')::bigint FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the windows are being rebuilt' USING ERRCODE = 'SBF01';
    END IF;

    SELECT count(*) INTO moved
    FROM jsonb_to_recordset(doc->'moves') AS m(topic text, shard integer, next_offset bigint)
    JOIN kpi_cursor c USING (topic, shard, next_offset);
    IF moved < places THEN
        SELECT jsonb_agg(jsonb_build_object(
            'tenant_id', p.tenant_id, 'start_ms', p.start_ms, 'pool', p.pool,
            'channel', p.channel, 'topic', p.topic, 'shard', p.shard,
            'next_offset', coalesce(k.next_offset, 0), 'counts', coalesce(k.counts, '{}')))
        INTO stale
        FROM jsonb_to_recordset(doc->'changes') AS p(
            tenant_id text, start_ms bigint, pool text, channel text,
            topic text, shard integer, base_offset bigint)
        LEFT JOIN kpi_part k USING (tenant_id, start_ms, pool, channel, topic, shard)
        WHERE coalesce(k.next_offset, 0) <> p.base_offset;
        IF stale IS NOT NULL THEN
            RETURN jsonb_build_object('stale', stale);
        END IF;

        UPDATE kpi_cursor c SET next_offset = m.next_offset, writers = m.writers
        FROM jsonb_to_recordset(doc->'moves') AS m(
            topic text, shard integer, saved_offset bigint, next_offset bigint, writers jsonb)
        WHERE (c.topic, c.shard, c.next_offset) = (m.topic, m.shard, m.saved_offset);
        GET DIAGNOSTICS moved = ROW_COUNT;
        INSERT INTO kpi_cursor (topic, shard, next_offset, writers)
        SELECT topic, shard, next_offset, writers
        FROM jsonb_to_recordset(doc->'moves') AS m(
            topic text, shard integer, saved_offset bigint, next_offset bigint, writers jsonb)
        WHERE saved_offset = 0
        ON CONFLICT DO NOTHING;
        GET DIAGNOSTICS rows_changed = ROW_COUNT;
        IF moved + rows_changed <> places THEN
            RAISE EXCEPTION 'another process reads one of these partitions' USING ERRCODE = 'SBF01';
        END IF;

        INSERT INTO kpi_part (
            tenant_id, start_ms, pool, channel, topic, shard, next_offset, counts)
        SELECT tenant_id, start_ms, pool, channel, topic, shard, next_offset, counts
        FROM jsonb_populate_recordset(NULL::kpi_part, doc->'changes')
        ON CONFLICT (tenant_id, start_ms, pool, channel, topic, shard)
        DO UPDATE SET (next_offset, counts) = (excluded.next_offset, excluded.counts);
        PERFORM add_up(doc->'changes', (doc->>'now_ms')::bigint);
    END IF;

    RETURN jsonb_build_object('windows', coalesce((
        SELECT jsonb_agg(to_jsonb(w))
        FROM kpi_window w
        WHERE (w.tenant_id, w.start_ms, w.pool, w.channel) IN (
            SELECT tenant_id, start_ms, pool, channel
            FROM jsonb_populate_recordset(NULL::kpi_part, doc->'changes'))
    ), '[]'));
END $$;

-- Sums the parts of each window that `changes` names; of a `_max` it takes the largest.
CREATE FUNCTION add_up(changes jsonb, now_ms bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO kpi_window (tenant_id, start_ms, pool, channel, counts, revision, updated_ms)
    SELECT t.tenant_id, t.start_ms, t.pool, t.channel, s.counts, nextval('kpi_revision'), now_ms
    FROM (
        SELECT DISTINCT tenant_id, start_ms, pool, channel
        FROM jsonb_populate_recordset(NULL::kpi_part, changes)
    ) t
    CROSS JOIN LATERAL (
        SELECT jsonb_object_agg(name, number) AS counts
        FROM (
            SELECT c.key AS name,
                   CASE WHEN c.key LIKE '%\_max' THEN max(c.value::bigint)
                        ELSE sum(c.value::bigint)::bigint END AS number
            FROM kpi_part p, jsonb_each_text(p.counts) c
            WHERE (p.tenant_id, p.start_ms, p.pool, p.channel)
                = (t.tenant_id, t.start_ms, t.pool, t.channel)
            GROUP BY c.key
        ) sums
    ) s
    ON CONFLICT (tenant_id, start_ms, pool, channel) DO UPDATE
    SET (counts, revision, updated_ms) = (excluded.counts, excluded.revision, excluded.updated_ms)
    WHERE kpi_window.counts IS DISTINCT FROM excluded.counts;
$$;

-- Drops every window, so that it is made anew from the topics: running processes are fenced, and
-- begin again at the start of the log. Returns the new generation.
CREATE FUNCTION rebuild() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    raised bigint;
BEGIN
    UPDATE kpi_generation SET generation = generation + 1 RETURNING generation INTO raised;
    DELETE FROM kpi_cursor;
    DELETE FROM kpi_part;
    DELETE FROM kpi_window;
    RETURN raised;
END $$;

-- migrate:down
DROP FUNCTION rebuild();
DROP FUNCTION save_parts(jsonb);
DROP FUNCTION add_up(jsonb, bigint);
DROP SEQUENCE kpi_revision;
DROP TABLE kpi_window;
DROP TABLE kpi_part;
DROP TABLE kpi_cursor;
DROP TABLE kpi_generation;
