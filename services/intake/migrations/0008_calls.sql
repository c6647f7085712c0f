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

CREATE FUNCTION commit_calls(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO call SELECT * FROM jsonb_populate_recordset(NULL::call, given)
    ON CONFLICT (message_id) DO UPDATE
    SET (state, forwarding, duration_ms, talk_ms, recording_url, recording_ms, transcript) = (
        excluded.state, excluded.forwarding, excluded.duration_ms, excluded.talk_ms,
        excluded.recording_url, excluded.recording_ms, excluded.transcript);
END $$;

-- migrate:down

DROP FUNCTION commit_calls(jsonb);
DROP TABLE call;
