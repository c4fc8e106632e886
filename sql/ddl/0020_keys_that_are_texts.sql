-- Keys that are texts, or several columns together, have a number made of them, which is the id; the
-- key itself is kept beside it. See docs/decisions/0045-keys-that-are-texts.md.
ALTER TABLE core.customers ADD COLUMN natural_key text;
ALTER TABLE core.customer_history ADD COLUMN natural_key text;
ALTER TABLE core.products ADD COLUMN natural_key text;
ALTER TABLE core.product_history ADD COLUMN natural_key text;
ALTER TABLE core.transactions ADD COLUMN natural_key text;
ALTER TABLE core.transaction_history ADD COLUMN natural_key text;

-- What validate makes of a key (shared/core/src/natural_key.rs), for queries by key:
-- SELECT * FROM warehouse.sales WHERE product_id = core.id_of_key('products', 'B07-XL')
CREATE FUNCTION core.id_of_key(dataset text, natural_key text)
RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT CASE
        WHEN natural_key ~ '^[1-9][0-9]{0,18}$'
            AND (length(natural_key) < 19 OR natural_key COLLATE "C" < '4611686018427387904')
            THEN natural_key::bigint
        ELSE 4611686018427387904 | (4611686018427387903 & (
            'x' || substr(encode(
                sha256(convert_to(dataset || chr(31) || natural_key, 'UTF8')), 'hex'), 1, 16)
        )::bit(64)::bigint)
    END
$$;

COMMENT ON FUNCTION core.id_of_key(text, text) IS 'The id of the row of a dataset that one text identifies in its source; not for keys of several columns';
COMMENT ON COLUMN core.customers.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.customer_history.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.products.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.product_history.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.transactions.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
COMMENT ON COLUMN core.transaction_history.natural_key IS 'key in the source, where it is a text or several columns; the id is made of it';
