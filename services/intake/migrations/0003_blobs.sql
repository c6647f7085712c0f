-- The content of attachments, where it is kept in Postgres (`BLOB_STORE`): named by its SHA-256,
-- so that the same file of a tenant is there once. Written outside of any batch, and idempotent.

-- migrate:up

CREATE TABLE blob (
    tenant_id text NOT NULL,
    digest text NOT NULL,
    size_bytes bigint NOT NULL,
    created_at_ms bigint NOT NULL,
    PRIMARY KEY (tenant_id, digest)
);

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

-- migrate:down

DROP TABLE blob_chunk, blob;
