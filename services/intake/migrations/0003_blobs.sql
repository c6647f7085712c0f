-- The files that we keep, their content where it is kept in Postgres (`BLOB_STORE`), and the files
-- that are still to be fetched from their providers.

-- migrate:up

-- Named by its SHA-256, so that the same file of a tenant is there once; the content may be in
-- Postgres or in a bucket. `put_at_ms` is when somebody last put it or was about to name it: from a
-- day later on it is swept if no message names it. Written outside of any batch, and idempotent.
CREATE TABLE blob (
    tenant_id text NOT NULL,
    digest text NOT NULL,
    size_bytes bigint NOT NULL,
    put_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);
CREATE INDEX message_of_file ON message USING gin (attachments jsonb_path_ops)
    WHERE attachments <> '[]';
CREATE INDEX message_of_original ON message (original_reference) WHERE original_reference <> '';

-- A MiB each but for the last, counted from 0. Media are packed already: packing them again costs
-- time and saves nothing.
CREATE TABLE blob_chunk (
    tenant_id text NOT NULL,
    digest text NOT NULL,
    number integer NOT NULL,
    content bytea STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (tenant_id, digest, number),
    FOREIGN KEY (tenant_id, digest) REFERENCES blob ON DELETE CASCADE
);

-- Files that messages name and that nobody has told the end of; `shard` is where word of them was
-- committed, and whoever owns it fetches them.
CREATE TABLE media_wanted (
    message_id text NOT NULL,
    attachment_id text NOT NULL,
    tenant_id text NOT NULL,
    home_id text NOT NULL,
    shard integer NOT NULL,
    account_id text NOT NULL,
    conversation_id text NOT NULL,
    file_name text NOT NULL,
    media_type text NOT NULL,
    size_bytes bigint NOT NULL,
    reference text NOT NULL,
    wanted_at_ms bigint NOT NULL,
    waiting boolean NOT NULL,
    PRIMARY KEY (message_id, attachment_id)
);
CREATE INDEX media_wanted_of_shard ON media_wanted (shard);
CREATE INDEX media_wanted_of_conversation ON media_wanted (conversation_id);

-- One that waits no more is deleted.
CREATE FUNCTION commit_media_wanted(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO media_wanted
    SELECT * FROM jsonb_populate_recordset(NULL::media_wanted, given) WHERE waiting
    ON CONFLICT (message_id, attachment_id) DO NOTHING;
    DELETE FROM media_wanted held USING jsonb_populate_recordset(NULL::media_wanted, given) done
    WHERE NOT done.waiting AND held.message_id = done.message_id
      AND held.attachment_id = done.attachment_id;
END $$;

-- migrate:down

DROP FUNCTION commit_media_wanted(jsonb);
DROP INDEX message_of_original, message_of_file;
DROP TABLE media_wanted, blob_chunk, blob;
