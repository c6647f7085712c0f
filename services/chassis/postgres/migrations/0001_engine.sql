-- What the engine keeps beside a service's own tables, in the service's schema.

-- migrate:up

CREATE TABLE engine_layout (
    processor text PRIMARY KEY,
    layout integer NOT NULL,
    partitions integer NOT NULL,
    incarnation integer NOT NULL DEFAULT 0
);

-- The fence: every batch raises `version` under the `epoch` its process took the shard with.
CREATE TABLE shard (
    processor text NOT NULL,
    shard integer NOT NULL,
    epoch bigint NOT NULL,
    version bigint NOT NULL DEFAULT 0,
    now_ms bigint NOT NULL DEFAULT 0,
    takeovers integer NOT NULL DEFAULT 0,
    owner text NOT NULL,
    attempted_topic text,
    attempted_offset bigint,
    attempts integer NOT NULL DEFAULT 0,
    PRIMARY KEY (processor, shard)
) WITH (fillfactor = 50);

CREATE TABLE shard_offset (
    processor text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    next bigint NOT NULL,
    topic_id text NOT NULL,
    PRIMARY KEY (processor, topic, partition)
) WITH (fillfactor = 50);

-- How far each writer's sequence has been applied: the next is applied, the rest is a repeat.
CREATE TABLE shard_cursor (
    processor text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    writer text NOT NULL,
    writer_shard integer NOT NULL,
    incarnation integer NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (processor, topic, partition, writer, writer_shard)
) WITH (fillfactor = 50);

-- The last sequence given to each destination partition.
CREATE TABLE shard_sequence (
    processor text NOT NULL,
    shard integer NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (processor, shard, topic, partition)
) WITH (fillfactor = 50);

-- Committed and not yet acknowledged by Kafka; one row a shard and batch, gone soon after.
CREATE TABLE outbox (
    processor text NOT NULL,
    shard integer NOT NULL,
    version bigint NOT NULL,
    payload bytea NOT NULL,
    PRIMARY KEY (processor, shard, version)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);
ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL; -- gone before compression pays

CREATE TABLE timer (
    processor text NOT NULL,
    shard integer NOT NULL,
    key text NOT NULL,
    due_ms bigint NOT NULL,
    PRIMARY KEY (processor, shard, key)
);

-- Who asked before, and what the answer was. Kept by the day, so that old days are dropped whole.
CREATE TABLE request (
    key text NOT NULL,
    day integer NOT NULL,
    outcome bytea,
    PRIMARY KEY (key, day)
) PARTITION BY RANGE (day);
CREATE TABLE request_any_day PARTITION OF request DEFAULT;

CREATE TABLE dead_letter (
    letter_id text PRIMARY KEY,
    processor text NOT NULL,
    shard integer NOT NULL,
    entity text NOT NULL,
    topic text NOT NULL,
    record_offset bigint NOT NULL,
    error text NOT NULL,
    failed_ms bigint NOT NULL,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'replayed', 'discarded')),
    ordinal bigint GENERATED ALWAYS AS IDENTITY,
    payload bytea NOT NULL
);
CREATE INDEX dead_letter_by_entity ON dead_letter (processor, entity, ordinal)
    WHERE status = 'open';

CREATE TABLE parked (
    processor text NOT NULL,
    shard integer NOT NULL,
    entity text NOT NULL,
    PRIMARY KEY (processor, shard, entity)
);

-- Keeps the days of `request`: today, the next two, and `keep_days` back (at least 8, the longest
-- time for which a provider repeats a message). Safe to call from many processes at once.
-- Runs as the schema's owner: the service's role may not create or drop tables.
CREATE FUNCTION engine_keep_days(today integer, keep_days integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    wanted integer;
    old record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext(current_schema() || '.request'));
    FOR wanted IN today .. today + 2 LOOP
        IF to_regclass(format('request_%s', wanted)) IS NULL
           AND NOT EXISTS (SELECT 1 FROM request_any_day WHERE day = wanted) THEN
            EXECUTE format(
                'CREATE TABLE request_%s PARTITION OF request FOR VALUES FROM (%s) TO (%s)',
                wanted, wanted, wanted + 1);
        END IF;
    END LOOP;
    FOR old IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'request'::regclass AND c.relname ~ '^request_[0-9]+$'
          AND substring(c.relname FROM 9)::integer < today - keep_days
    LOOP
        EXECUTE format('DROP TABLE %I', old.relname);
    END LOOP;
    DELETE FROM request_any_day WHERE day < today - keep_days;
END $$;

-- Commits a batch: fence, offsets, cursors, sequences, outbox, timers, requests, dead letters.
-- Returns the request keys that were answered before, and then has written nothing; else NULL.
CREATE FUNCTION engine_commit(doc jsonb, payloads bytea[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    me text := doc->>'processor';
    keys text[];
    repeats jsonb;
    held integer;
BEGIN
    IF doc ? 'requests' THEN
        keys := ARRAY(SELECT x->>0 FROM jsonb_array_elements(doc->'requests') x);
        SELECT jsonb_agg(DISTINCT r.key) INTO repeats FROM request r WHERE r.key = ANY (keys);
        IF repeats IS NOT NULL THEN
            RETURN repeats;
        END IF;
        INSERT INTO request (key, day, outcome)
        SELECT x->>0, (x->>1)::bigint / 86400000, payloads[(x->>2)::integer]
        FROM jsonb_array_elements(doc->'requests') x;
    END IF;

    WITH held AS (
        UPDATE shard s
        SET version = s.version + 1, now_ms = (x->>3)::bigint, takeovers = 0, attempts = 0
        FROM jsonb_array_elements(doc->'shards') x
        WHERE s.processor = me AND s.shard = (x->>0)::integer
          AND s.epoch = (x->>1)::bigint AND s.version = (x->>2)::bigint
        RETURNING 1
    ) SELECT count(*) INTO held FROM held;
    IF held <> jsonb_array_length(doc->'shards') THEN
        RAISE EXCEPTION 'another process owns a shard of this batch' USING ERRCODE = 'SBF01';
    END IF;

    IF doc ? 'offsets' THEN
        INSERT INTO shard_offset (processor, topic, partition, next, topic_id)
        SELECT me, x->>0, (x->>1)::integer, (x->>2)::bigint, x->>3
        FROM jsonb_array_elements(doc->'offsets') x
        ON CONFLICT (processor, topic, partition) DO UPDATE SET next = excluded.next;
    END IF;
    IF doc ? 'cursors' THEN
        INSERT INTO shard_cursor
        SELECT me, x->>0, (x->>1)::integer, x->>2, (x->>3)::integer,
               (x->>4)::integer, (x->>5)::bigint
        FROM jsonb_array_elements(doc->'cursors') x
        ON CONFLICT (processor, topic, partition, writer, writer_shard)
        DO UPDATE SET incarnation = excluded.incarnation, sequence = excluded.sequence;
    END IF;
    IF doc ? 'sequences' THEN
        INSERT INTO shard_sequence
        SELECT me, (x->>0)::integer, x->>1, (x->>2)::integer, (x->>3)::bigint
        FROM jsonb_array_elements(doc->'sequences') x
        ON CONFLICT (processor, shard, topic, partition)
        DO UPDATE SET sequence = excluded.sequence;
    END IF;
    IF doc ? 'outbox' THEN
        INSERT INTO outbox (processor, shard, version, payload)
        SELECT me, (x->>0)::integer, (x->>1)::bigint, payloads[(x->>2)::integer]
        FROM jsonb_array_elements(doc->'outbox') x;
    END IF;
    IF doc ? 'published' THEN
        DELETE FROM outbox o USING jsonb_array_elements(doc->'published') x
        WHERE o.processor = me AND o.shard = (x->>0)::integer AND o.version <= (x->>1)::bigint;
    END IF;
    IF doc ? 'cancelled' THEN
        DELETE FROM timer t USING jsonb_array_elements(doc->'cancelled') x
        WHERE t.processor = me AND t.shard = (x->>0)::integer AND t.key = x->>1;
    END IF;
    IF doc ? 'timers' THEN
        INSERT INTO timer (processor, shard, key, due_ms)
        SELECT me, (x->>0)::integer, x->>1, (x->>2)::bigint
        FROM jsonb_array_elements(doc->'timers') x
        ON CONFLICT (processor, shard, key) DO UPDATE SET due_ms = excluded.due_ms;
    END IF;
    PERFORM engine_set_aside(me, doc, payloads);
    RETURN NULL;
END $$;

-- The rare part of a commit: dead letters, and the entities they park.
CREATE FUNCTION engine_set_aside(me text, doc jsonb, payloads bytea[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF doc ? 'settled' THEN
        UPDATE dead_letter d SET status = x->>1
        FROM jsonb_array_elements(doc->'settled') x WHERE d.letter_id = x->>0;
    END IF;
    IF doc ? 'letters' THEN
        INSERT INTO dead_letter
            (letter_id, processor, shard, entity, topic, record_offset, error, failed_ms, payload)
        SELECT x->>0, me, (x->>1)::integer, x->>2, x->>3, (x->>4)::bigint, x->>5,
               (x->>6)::bigint, payloads[(x->>7)::integer]
        FROM jsonb_array_elements(doc->'letters') x
        ON CONFLICT (letter_id) DO UPDATE
        SET error = excluded.error, failed_ms = excluded.failed_ms, status = 'open';
    END IF;
    IF doc ? 'parked' THEN
        INSERT INTO parked (processor, shard, entity)
        SELECT me, (x->>0)::integer, x->>1 FROM jsonb_array_elements(doc->'parked') x
        ON CONFLICT DO NOTHING;
    END IF;
    IF doc ? 'unparked' THEN
        DELETE FROM parked p USING jsonb_array_elements(doc->'unparked') x
        WHERE p.processor = me AND p.shard = (x->>0)::integer AND p.entity = x->>1;
    END IF;
END $$;

-- migrate:down

DROP FUNCTION engine_set_aside(text, jsonb, bytea[]);
DROP FUNCTION engine_commit(jsonb, bytea[]);
DROP FUNCTION engine_keep_days(integer, integer);
DROP TABLE parked, dead_letter, request, timer, outbox, shard_sequence, shard_cursor;
DROP TABLE shard_offset, shard, engine_layout;
