-- One commit for all the tables, and one erasure.

-- migrate:up

CREATE OR REPLACE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF doc->>'processor' = 'intake.delivery' THEN
        PERFORM commit_dispatches(rows);
    ELSIF rows IS NOT NULL THEN
        PERFORM commit_threads(rows);
        PERFORM commit_asides(rows);
    END IF;
    RETURN NULL;
END $$;

-- What hardly any batch has. An erasure comes last: it takes what its own batch has written too.
CREATE FUNCTION commit_asides(rows jsonb) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF rows ? 'media_wanted' THEN
        PERFORM commit_media_wanted(rows->'media_wanted');
    END IF;
    IF rows ? 'parked_revision' THEN
        PERFORM commit_parked_revisions(rows->'parked_revision');
    END IF;
    IF rows ? 'retraction' THEN
        PERFORM commit_retractions(rows->'retraction');
    END IF;
    IF rows ? 'call' THEN
        PERFORM commit_calls(rows->'call');
    END IF;
    IF rows ? 'parked_item' THEN
        INSERT INTO parked_item
        SELECT * FROM jsonb_populate_recordset(NULL::parked_item, rows->'parked_item');
    END IF;
    IF rows ? 'parked_items_since' THEN
        PERFORM commit_parked_items_since(rows->'parked_items_since');
    END IF;
    IF rows ? 'erasure' THEN
        PERFORM erase(rows->'erasure');
    END IF;
END $$;

-- Take from every table what is a person's: what they and we wrote, their addresses and files.
CREATE FUNCTION erase(given jsonb) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    homes text[] := ARRAY(SELECT home->>'home_id' FROM jsonb_array_elements(given) home);
    conversations text[] := ARRAY(
        SELECT conversation_id FROM conversation WHERE home_id = ANY(homes));
BEGIN
    INSERT INTO erasure SELECT * FROM jsonb_populate_recordset(NULL::erasure, given)
    ON CONFLICT (home_id) DO NOTHING;  -- whoever is erased again was erased at first

    UPDATE customer SET identities = '[]', attributes = '{}', display_name = '', search_text = '',
        last_feedback = '{}'
    WHERE home_id = ANY(homes) AND yields_to <> '';
    UPDATE identity_link SET address = '' WHERE customer_id IN (
        SELECT customer_id FROM customer WHERE home_id = ANY(homes));
    -- The visitor's count of lines stays: a browser goes on from it, and it names nobody.
    DELETE FROM chat_person WHERE home_id = ANY(homes);
    DELETE FROM parked_revision WHERE owner = ANY(homes);
    DELETE FROM dead_letter
    WHERE status <> 'open' AND entity IN (SELECT 'customer/' || home FROM unnest(homes) home);

    UPDATE conversation SET address = '', subject = '', attributes = '{}', participants = '{}'
    WHERE conversation_id = ANY(conversations);
    UPDATE conversation_change SET detail = '{}'
    WHERE conversation_id = ANY(conversations) AND kind IN ('message_edited', 'message_reacted');
    UPDATE message SET text = '', subject = '', from_address = '', to_address = '',
        quoted_text = '', original_reference = '', attachments = '[]', participants = '{}',
        threading = '{}'
    WHERE conversation_id = ANY(conversations);
    DELETE FROM mail_reference WHERE conversation_id = ANY(conversations);
    DELETE FROM media_wanted WHERE conversation_id = ANY(conversations);
    UPDATE call SET recording_url = '', transcript = '' FROM message
    WHERE call.message_id = message.message_id AND message.conversation_id = ANY(conversations);
    DELETE FROM chat_line USING message
    WHERE chat_line.message_id = message.message_id
      AND message.conversation_id = ANY(conversations);
    UPDATE dispatch SET text = '', subject = '', recipient = '', attachments = '[]',
        participants = '{}'
    WHERE conversation_id = ANY(conversations) AND NOT resident;
END $$;

-- migrate:down

DROP FUNCTION erase(jsonb), commit_asides(jsonb);
CREATE OR REPLACE FUNCTION commit_batch(doc jsonb, payloads bytea[]) RETURNS jsonb
LANGUAGE plpgsql AS $$
DECLARE
    verdict jsonb := engine_commit(doc, payloads);
    rows jsonb := doc->'rows';
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    IF doc->>'processor' = 'intake.delivery' THEN
        PERFORM commit_dispatches(rows);
    ELSIF rows IS NOT NULL THEN
        PERFORM commit_threads(rows);
    END IF;
    RETURN NULL;
END $$;
