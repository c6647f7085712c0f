-- Surveys with their answers, and when customers were last asked. All times are unix ms.

-- migrate:up

CREATE TABLE survey (
    survey_id text PRIMARY KEY,
    resolution_id text NOT NULL,
    tenant_id text NOT NULL,
    conversation_id text NOT NULL,
    customer_id text NOT NULL,
    home_id text NOT NULL,
    channel text NOT NULL,
    account_id text NOT NULL,
    tier text NOT NULL,
    language text NOT NULL,
    agent_id text NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    policy_version bigint NOT NULL,
    state text NOT NULL CHECK (state IN (
        'SCHEDULED', 'SENT', 'ANSWERED', 'EXPIRED', 'CANCELLED', 'SUPPRESSED', 'UNDELIVERED')),
    reason text,
    resolved_at_ms bigint NOT NULL,
    scheduled_at_ms bigint NOT NULL,
    send_at_ms bigint NOT NULL,
    sent_at_ms bigint,
    expires_at_ms bigint,
    ended_at_ms bigint,
    answered_at_ms bigint,
    score smallint CHECK (score BETWEEN 1 AND 5),
    comment text NOT NULL,
    source text NOT NULL,
    recovery_id text NOT NULL,
    link_sha256 text NOT NULL,
    UNIQUE (conversation_id, resolution_id)
) WITH (fillfactor = 70);
CREATE INDEX survey_by_resolution ON survey (tenant_id, resolved_at_ms DESC, survey_id);

CREATE TABLE contact (
    tenant_id text NOT NULL,
    customer_id text NOT NULL,
    shard integer NOT NULL,
    granted_at_ms bigint,
    survey_id text NOT NULL,
    PRIMARY KEY (tenant_id, customer_id)
);
CREATE INDEX contact_by_customer ON contact (customer_id);

CREATE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF rows ? 'survey' THEN
        INSERT INTO survey SELECT * FROM jsonb_populate_recordset(NULL::survey, rows->'survey')
        ON CONFLICT (survey_id) DO UPDATE SET
            (sequence, state, reason, sent_at_ms, expires_at_ms, ended_at_ms, answered_at_ms,
             score, comment, source, recovery_id, link_sha256)
            = (excluded.sequence, excluded.state, excluded.reason, excluded.sent_at_ms,
               excluded.expires_at_ms, excluded.ended_at_ms, excluded.answered_at_ms,
               excluded.score, excluded.comment, excluded.source, excluded.recovery_id,
               excluded.link_sha256);
    END IF;
    IF rows ? 'contact' THEN
        INSERT INTO contact SELECT * FROM jsonb_populate_recordset(NULL::contact, rows->'contact')
        ON CONFLICT (tenant_id, customer_id) DO UPDATE SET
            (granted_at_ms, survey_id) = (excluded.granted_at_ms, excluded.survey_id);
    END IF;
    RETURN NULL;
END $$;

-- migrate:down

DROP FUNCTION commit_batch(jsonb, bytea[]);
DROP TABLE contact, survey;
