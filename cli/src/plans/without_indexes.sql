-- The warehouse without what makes its questions fast: rolled back after the plans were read.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN
        SELECT format('%I.%I', s.nspname, i.relname)
        FROM pg_index AS x
        JOIN pg_class AS i ON i.oid = x.indexrelid
        JOIN pg_namespace AS s ON s.oid = i.relnamespace
        WHERE s.nspname = 'warehouse' AND NOT i.relispartition
          AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = x.indexrelid)
    LOOP
        EXECUTE 'DROP INDEX ' || name;
    END LOOP;
END
$$;
