-- What routing knows: domains with their agents and work, and triage's cases. All times are unix ms.

-- migrate:up

-- A routing domain; `sequence` is that of its latest published event.
CREATE TABLE domain (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (tenant_id, domain_id)
) WITH (fillfactor = 50);
CREATE INDEX domain_by_shard ON domain (shard);

CREATE TABLE agent (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    agent_id text NOT NULL,
    display_name text NOT NULL,
    pools text[] NOT NULL,
    capacity integer NOT NULL,
    used integer NOT NULL,
    overridden integer NOT NULL,
    skills jsonb NOT NULL,
    languages text[] NOT NULL,
    channels jsonb NOT NULL,
    level integer NOT NULL,
    presence text NOT NULL
        CHECK (presence IN ('AVAILABLE', 'BUSY', 'AWAY', 'OFFLINE', 'NO_ANSWER')),
    idle_since_ms bigint NOT NULL,
    sessions jsonb NOT NULL,
    missed integer NOT NULL,
    grace_until_ms bigint NOT NULL,
    version bigint NOT NULL,
    is_removed boolean NOT NULL,
    PRIMARY KEY (tenant_id, agent_id),
    -- Only what a supervisor gave by an override goes beyond the capacity.
    CHECK (used >= 0 AND used - overridden <= capacity)
) WITH (fillfactor = 60);
CREATE INDEX agent_by_shard ON agent (shard) WHERE NOT is_removed;
CREATE INDEX agent_by_domain ON agent (tenant_id, domain_id, agent_id);

CREATE TABLE work (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    work_id text PRIMARY KEY,
    conversation_id text NOT NULL,
    customer_id text NOT NULL,
    home_id text NOT NULL,
    tier text NOT NULL,
    language text NOT NULL,
    pool text NOT NULL,
    channel text NOT NULL,
    speaks text NOT NULL,
    skills jsonb NOT NULL,
    level integer NOT NULL,
    priority integer NOT NULL,
    arrived_ms bigint NOT NULL,
    policy_version bigint NOT NULL,
    decision_id text NOT NULL,
    changed_ms bigint NOT NULL,
    state text NOT NULL CHECK (
        state IN ('QUEUED', 'OFFERED', 'ASSIGNED', 'WRAP_UP', 'COMPLETED', 'WITHDRAWN')),
    is_open boolean NOT NULL,
    offers integer NOT NULL,
    rests jsonb NOT NULL,
    agent_id text NOT NULL,
    offer_id text NOT NULL,
    assignment_id text NOT NULL,
    assignments integer NOT NULL,
    transfers integer NOT NULL,
    hands integer NOT NULL,
    set_by_hand jsonb NOT NULL,
    CHECK ((state IN ('OFFERED', 'ASSIGNED', 'WRAP_UP')) <= (agent_id <> ''))
) WITH (fillfactor = 60);
CREATE INDEX work_open_by_shard ON work (shard) WHERE is_open;
CREATE INDEX work_next_first ON work (tenant_id, domain_id, (-priority), arrived_ms, work_id)
    WHERE is_open;
CREATE INDEX work_by_conversation ON work (conversation_id);

CREATE TABLE offer (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    offer_id text PRIMARY KEY,
    work_id text NOT NULL,
    agent_id text NOT NULL,
    decision_id text NOT NULL,
    channel text NOT NULL,
    cost integer NOT NULL,
    offered_ms bigint NOT NULL,
    expires_ms bigint NOT NULL,
    state text NOT NULL
        CHECK (state IN ('PENDING', 'ACCEPTED', 'DECLINED', 'TIMED_OUT', 'RESCINDED')),
    ended_ms bigint NOT NULL,
    reason text NOT NULL,
    CHECK ((state = 'PENDING') = (ended_ms = 0))
) WITH (fillfactor = 60);
CREATE INDEX offer_open_by_shard ON offer (shard) WHERE state = 'PENDING';
CREATE INDEX offer_open_by_agent ON offer (tenant_id, agent_id) WHERE state = 'PENDING';
CREATE INDEX offer_by_work ON offer (work_id, offered_ms);
-- Belt and braces: the matcher never asks two agents at once, and here it could not.
CREATE UNIQUE INDEX offer_one_open ON offer (work_id) WHERE state = 'PENDING';

CREATE TABLE assignment (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    assignment_id text PRIMARY KEY,
    offer_id text NOT NULL,
    work_id text NOT NULL,
    conversation_id text NOT NULL,
    pool text NOT NULL,
    agent_id text NOT NULL,
    channel text NOT NULL,
    cost integer NOT NULL,
    asked_ms bigint NOT NULL,
    assigned_ms bigint NOT NULL,
    override boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('ACTIVE', 'WRAP_UP', 'COMPLETED')),
    is_open boolean NOT NULL,
    wrap_up_until_ms bigint NOT NULL,
    ended_ms bigint NOT NULL,
    reason text NOT NULL,
    CHECK (is_open = (state <> 'COMPLETED'))
) WITH (fillfactor = 60);
CREATE INDEX assignment_open_by_shard ON assignment (shard) WHERE is_open;
CREATE INDEX assignment_open_by_agent ON assignment (tenant_id, agent_id) WHERE is_open;
-- One agent has the work. Those who passed it on may still write up.
CREATE UNIQUE INDEX assignment_one_active ON assignment (work_id) WHERE state = 'ACTIVE';

-- Processes that hold sessions.
CREATE TABLE edge (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    edge_id text NOT NULL,
    lease_until_ms bigint NOT NULL,
    is_alive boolean NOT NULL,
    PRIMARY KEY (tenant_id, domain_id, edge_id)
) WITH (fillfactor = 50);
CREATE INDEX edge_alive ON edge (shard) WHERE is_alive;

-- Why triage placed work, why the matcher asked an agent, who did what by hand; never changed.
CREATE TABLE decision (
    tenant_id text NOT NULL,
    domain_id text NOT NULL,
    shard integer NOT NULL,
    decision_id text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('TRIAGE', 'OFFER', 'MANUAL', 'ESCALATE')),
    work_id text NOT NULL,
    conversation_id text NOT NULL,
    agent_id text NOT NULL,
    policy_version bigint NOT NULL,
    reason text NOT NULL,
    decided_ms bigint NOT NULL,
    inputs jsonb NOT NULL,
    result jsonb NOT NULL
);
CREATE INDEX decision_by_work ON decision (work_id, decided_ms);

-- Conversations as triage knows them; those that are not live wait for nothing.
CREATE TABLE triage (
    conversation_id text PRIMARY KEY,
    tenant_id text NOT NULL,
    shard integer NOT NULL,
    is_live boolean NOT NULL,
    is_open boolean NOT NULL,
    has_work boolean NOT NULL,
    sequence bigint NOT NULL,
    settles_ms bigint NOT NULL,
    wrote_ms bigint NOT NULL,
    work jsonb NOT NULL
) WITH (fillfactor = 70);
CREATE INDEX triage_live ON triage (shard) WHERE is_live;

CREATE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF rows ? 'triage' THEN
        INSERT INTO triage SELECT * FROM jsonb_populate_recordset(NULL::triage, rows->'triage')
        ON CONFLICT (conversation_id) DO UPDATE SET
            (is_live, is_open, has_work, sequence, settles_ms, wrote_ms, work)
            = (excluded.is_live, excluded.is_open, excluded.has_work, excluded.sequence,
               excluded.settles_ms, excluded.wrote_ms, excluded.work);
    END IF;
    IF rows ? 'domain' THEN
        INSERT INTO domain SELECT * FROM jsonb_populate_recordset(NULL::domain, rows->'domain')
        ON CONFLICT (tenant_id, domain_id) DO UPDATE SET sequence = excluded.sequence;
    END IF;
    IF rows ? 'agent' THEN
        INSERT INTO agent SELECT * FROM jsonb_populate_recordset(NULL::agent, rows->'agent')
        ON CONFLICT (tenant_id, agent_id) DO UPDATE SET
            (domain_id, shard, display_name, pools, capacity, used, overridden, skills, languages,
             channels, level, presence, idle_since_ms, sessions, missed, grace_until_ms, version,
             is_removed)
            = (excluded.domain_id, excluded.shard, excluded.display_name, excluded.pools,
               excluded.capacity, excluded.used, excluded.overridden, excluded.skills,
               excluded.languages, excluded.channels, excluded.level, excluded.presence,
               excluded.idle_since_ms, excluded.sessions, excluded.missed, excluded.grace_until_ms,
               excluded.version, excluded.is_removed)
        -- Who was removed may begin anew in another domain; nobody is in two.
        WHERE agent.domain_id = excluded.domain_id OR agent.is_removed;
    END IF;
    IF rows ? 'work' THEN
        INSERT INTO work SELECT * FROM jsonb_populate_recordset(NULL::work, rows->'work')
        ON CONFLICT (work_id) DO UPDATE SET
            (tier, language, pool, channel, speaks, skills, level, priority, changed_ms, state,
             is_open, offers, rests, agent_id, offer_id, assignment_id, assignments, transfers,
             hands, set_by_hand)
            = (excluded.tier, excluded.language, excluded.pool, excluded.channel, excluded.speaks,
               excluded.skills, excluded.level, excluded.priority, excluded.changed_ms,
               excluded.state, excluded.is_open, excluded.offers, excluded.rests,
               excluded.agent_id, excluded.offer_id, excluded.assignment_id,
               excluded.assignments, excluded.transfers, excluded.hands, excluded.set_by_hand);
    END IF;
    IF rows ? 'offer' THEN
        INSERT INTO offer SELECT * FROM jsonb_populate_recordset(NULL::offer, rows->'offer')
        ON CONFLICT (offer_id) DO UPDATE SET
            (state, ended_ms, reason) = (excluded.state, excluded.ended_ms, excluded.reason);
    END IF;
    IF rows ? 'assignment' THEN
        INSERT INTO assignment
        SELECT * FROM jsonb_populate_recordset(NULL::assignment, rows->'assignment')
        ON CONFLICT (assignment_id) DO UPDATE SET
            (state, is_open, wrap_up_until_ms, ended_ms, reason)
            = (excluded.state, excluded.is_open, excluded.wrap_up_until_ms, excluded.ended_ms,
               excluded.reason);
    END IF;
    IF rows ? 'edge' THEN
        INSERT INTO edge SELECT * FROM jsonb_populate_recordset(NULL::edge, rows->'edge')
        ON CONFLICT (tenant_id, domain_id, edge_id) DO UPDATE SET
            (lease_until_ms, is_alive) = (excluded.lease_until_ms, excluded.is_alive);
    END IF;
    IF rows ? 'decision' THEN
        INSERT INTO decision
        SELECT * FROM jsonb_populate_recordset(NULL::decision, rows->'decision')
        ON CONFLICT (decision_id) DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

-- migrate:down

DROP FUNCTION commit_batch(jsonb, bytea[]);
DROP TABLE triage, decision, edge, assignment, offer, work, agent, domain;
