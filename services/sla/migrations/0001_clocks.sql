-- Facts as they happened, and the clocks that were announced of them. All times are unix ms.

-- migrate:up

-- Never changed once written; only kinds that can move a clock.
CREATE TABLE fact (
    conversation_id text NOT NULL,
    fact_id text NOT NULL,
    tenant_id text NOT NULL,
    shard integer NOT NULL,
    occurred_at_ms bigint NOT NULL,
    sequence bigint NOT NULL,
    kind text NOT NULL,
    tier text NOT NULL,
    channel text NOT NULL,
    agent_id text NOT NULL,
    PRIMARY KEY (conversation_id, fact_id)
);

CREATE TABLE clock (
    conversation_id text NOT NULL,
    metric text NOT NULL,
    cycle integer NOT NULL CHECK (cycle > 0),
    tenant_id text NOT NULL,
    shard integer NOT NULL,
    tier text NOT NULL,
    policy_version bigint NOT NULL,
    target_ms bigint NOT NULL CHECK (target_ms > 0),
    spent_before_ms bigint NOT NULL,
    started_at_ms bigint NOT NULL,
    warn_at_percent jsonb NOT NULL,
    pauses jsonb NOT NULL,
    ended_at_ms bigint,
    ending text,
    ended_by text NOT NULL,
    steps jsonb NOT NULL,
    warned jsonb NOT NULL,
    detected_at_ms bigint,
    void boolean NOT NULL,
    state text NOT NULL
        CHECK (state IN ('RUNNING', 'PAUSED', 'MET', 'BREACHED', 'CANCELLED', 'VOID')),
    due_at_ms bigint,
    awaits boolean NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (conversation_id, metric, cycle)
) WITH (fillfactor = 70);
CREATE INDEX clock_awaiting ON clock (tenant_id, due_at_ms) WHERE awaits;
CREATE INDEX clock_by_deadline ON clock (tenant_id, due_at_ms, conversation_id, metric, cycle)
    WHERE state = 'RUNNING';

CREATE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF rows ? 'fact' THEN
        INSERT INTO fact SELECT * FROM jsonb_populate_recordset(NULL::fact, rows->'fact')
        ON CONFLICT (conversation_id, fact_id) DO NOTHING;
    END IF;
    IF rows ? 'clock' THEN
        INSERT INTO clock SELECT * FROM jsonb_populate_recordset(NULL::clock, rows->'clock')
        ON CONFLICT (conversation_id, metric, cycle) DO UPDATE SET
            (tier, policy_version, target_ms, spent_before_ms, started_at_ms, warn_at_percent,
             pauses, ended_at_ms, ending, ended_by, steps, warned, detected_at_ms, void, state,
             due_at_ms, awaits, sequence)
            = (excluded.tier, excluded.policy_version, excluded.target_ms,
               excluded.spent_before_ms, excluded.started_at_ms, excluded.warn_at_percent,
               excluded.pauses, excluded.ended_at_ms, excluded.ending, excluded.ended_by,
               excluded.steps, excluded.warned, excluded.detected_at_ms, excluded.void,
               excluded.state, excluded.due_at_ms, excluded.awaits, excluded.sequence);
    END IF;
    RETURN NULL;
END $$;

-- migrate:down

DROP FUNCTION commit_batch(jsonb, bytea[]);
DROP TABLE clock, fact;
