-- Revisions that come before their messages, and what is left of messages that were taken back.
-- Times are unix milliseconds.

-- migrate:up

-- `owner` is the home of the customer whose it is, `home_id` the one that it was sent to first.
CREATE TABLE parked_revision (
    message_id text NOT NULL,
    kind text NOT NULL,
    occurred_at_ms bigint NOT NULL,
    tenant_id text NOT NULL,
    home_id text NOT NULL,
    account_id text NOT NULL,
    provider_message_id text NOT NULL,
    change text NOT NULL,
    since_ms bigint NOT NULL,
    owner text NOT NULL,
    shard integer NOT NULL,
    waiting boolean NOT NULL,
    PRIMARY KEY (message_id, kind, occurred_at_ms)
);
CREATE INDEX parked_revision_of_owner ON parked_revision (owner);
CREATE INDEX parked_revision_of_shard ON parked_revision (shard);

CREATE TABLE retraction (
    message_id text PRIMARY KEY,
    conversation_id text NOT NULL,
    retracted_at_ms bigint NOT NULL
);

-- One that waits no more is gone: it holds what somebody wrote.
CREATE FUNCTION commit_parked_revisions(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO parked_revision
    SELECT * FROM jsonb_populate_recordset(NULL::parked_revision, given) WHERE waiting
    ON CONFLICT (message_id, kind, occurred_at_ms) DO UPDATE
    SET (home_id, change, since_ms, owner, shard) = (
        excluded.home_id, excluded.change, excluded.since_ms, excluded.owner, excluded.shard);
    DELETE FROM parked_revision old
    USING jsonb_populate_recordset(NULL::parked_revision, given) done
    WHERE NOT done.waiting
      AND (old.message_id, old.kind, old.occurred_at_ms, old.owner)
        = (done.message_id, done.kind, done.occurred_at_ms, done.owner);
END $$;

-- Whoever takes a message back wants nobody to read it any more: nor what it said before an edit,
-- in its conversation or in the one that it was split from.
CREATE FUNCTION commit_retractions(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO retraction SELECT * FROM jsonb_populate_recordset(NULL::retraction, given)
    ON CONFLICT (message_id) DO NOTHING;
    UPDATE conversation_change changed
    SET detail = jsonb_build_object('message_id', taken.message_id)
    FROM jsonb_populate_recordset(NULL::retraction, given) taken
    JOIN conversation USING (conversation_id)
    WHERE changed.conversation_id IN (taken.conversation_id, conversation.split_from_id)
      AND changed.kind = 'message_edited' AND changed.detail->>'message_id' = taken.message_id;
END $$;

-- migrate:down

DROP FUNCTION commit_parked_revisions(jsonb), commit_retractions(jsonb);
DROP TABLE retraction, parked_revision;
