-- Telephone calls, each beside the message that it is. Times are milliseconds.

-- migrate:up

CREATE TABLE call (
    message_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    account_id text NOT NULL,
    provider_call_id text NOT NULL,
    state text NOT NULL,
    forwarding text NOT NULL,
    duration_ms bigint NOT NULL,
    talk_ms bigint NOT NULL,
    recording_url text NOT NULL,
    recording_ms bigint NOT NULL,
    transcript text NOT NULL
);

CREATE OR REPLACE FUNCTION commit_asides(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'parked_revision' THEN
        PERFORM commit_parked_revisions(rows->'parked_revision');
    END IF;
    IF rows ? 'retraction' THEN
        PERFORM commit_retractions(rows->'retraction');
    END IF;
    IF rows ? 'call' THEN
        INSERT INTO call SELECT * FROM jsonb_populate_recordset(NULL::call, rows->'call')
        ON CONFLICT (message_id) DO UPDATE
        SET (state, forwarding, duration_ms, talk_ms, recording_url, recording_ms, transcript) = (
            excluded.state, excluded.forwarding, excluded.duration_ms, excluded.talk_ms,
            excluded.recording_url, excluded.recording_ms, excluded.transcript);
    END IF;
    IF rows ? 'erasure' THEN
        DELETE FROM parked_revision
        WHERE owner IN (SELECT home->>'home_id' FROM jsonb_array_elements(rows->'erasure') home);
        UPDATE call SET recording_url = '', transcript = ''
        FROM message JOIN conversation USING (conversation_id)
        WHERE call.message_id = message.message_id AND conversation.home_id IN (
            SELECT home->>'home_id' FROM jsonb_array_elements(rows->'erasure') home);
    END IF;
    IF rows ? 'parked_item' THEN
        INSERT INTO parked_item
        SELECT * FROM jsonb_populate_recordset(NULL::parked_item, rows->'parked_item');
    END IF;
    IF rows ? 'parked_items_since' THEN
        PERFORM commit_parked_items_since(rows->'parked_items_since');
    END IF;
END $$;

-- migrate:down

CREATE OR REPLACE FUNCTION commit_asides(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'parked_revision' THEN
        PERFORM commit_parked_revisions(rows->'parked_revision');
    END IF;
    IF rows ? 'retraction' THEN
        PERFORM commit_retractions(rows->'retraction');
    END IF;
    IF rows ? 'erasure' THEN
        DELETE FROM parked_revision
        WHERE owner IN (SELECT home->>'home_id' FROM jsonb_array_elements(rows->'erasure') home);
    END IF;
    IF rows ? 'parked_item' THEN
        INSERT INTO parked_item
        SELECT * FROM jsonb_populate_recordset(NULL::parked_item, rows->'parked_item');
    END IF;
    IF rows ? 'parked_items_since' THEN
        PERFORM commit_parked_items_since(rows->'parked_items_since');
    END IF;
END $$;
DROP TABLE call;
