-- Tables and views of the pipeline's schemas, partitions left out.
SELECT
    s.nspname AS schema,
    coalesce(obj_description(s.oid, 'pg_namespace') || '.', '') AS schema_comment,
    r.relname AS name,
    CASE r.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialised view' ELSE 'table' END AS kind,
    obj_description(r.oid, 'pg_class') AS comment,
    CASE WHEN r.relkind = 'p' THEN lower(pg_get_partkeydef(r.oid)) END AS partition_key
FROM pg_class AS r
JOIN pg_namespace AS s ON s.oid = r.relnamespace
WHERE r.relkind IN ('r', 'p', 'v', 'm') AND NOT r.relispartition
  AND s.nspname NOT LIKE 'pg\_%' AND s.nspname <> 'information_schema'
  AND r.oid IS DISTINCT FROM to_regclass('public.schema_migrations')
ORDER BY s.nspname, r.relname;
