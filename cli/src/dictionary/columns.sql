-- Columns with their keys: PK primary key, UK unique, and the table a foreign key names.
SELECT
    s.nspname AS schema,
    r.relname AS table,
    a.attname AS column,
    format_type(a.atttypid, a.atttypmod) AS type,
    coalesce((
        SELECT string_agg(mark, ', ' ORDER BY place, mark)
        FROM (
            SELECT DISTINCT
                CASE c.contype WHEN 'p' THEN 1 WHEN 'u' THEN 2 ELSE 3 END AS place,
                CASE c.contype
                    WHEN 'p' THEN 'PK'
                    WHEN 'u' THEN 'UK'
                    ELSE '→ ' || (SELECT format('%s.%s', fs.nspname, fr.relname)
                                  FROM pg_class AS fr
                                  JOIN pg_namespace AS fs ON fs.oid = fr.relnamespace
                                  WHERE fr.oid = c.confrelid)
                END AS mark
            FROM pg_constraint AS c
            WHERE c.conrelid = r.oid AND c.contype IN ('p', 'u', 'f')
              AND a.attnum = ANY (c.conkey)
        ) AS marks
    ), '') AS key,
    CASE WHEN a.attnotnull OR r.relkind IN ('v', 'm') THEN '' ELSE 'yes' END AS nullable,
    col_description(r.oid, a.attnum) AS comment
FROM pg_attribute AS a
JOIN pg_class AS r ON r.oid = a.attrelid
JOIN pg_namespace AS s ON s.oid = r.relnamespace
WHERE r.relkind IN ('r', 'p', 'v', 'm') AND NOT r.relispartition
  AND a.attnum > 0 AND NOT a.attisdropped
  AND s.nspname NOT LIKE 'pg\_%' AND s.nspname <> 'information_schema'
  AND r.oid IS DISTINCT FROM to_regclass('public.schema_migrations')
ORDER BY s.nspname, r.relname, a.attnum;
