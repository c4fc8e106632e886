-- The shop's words are configuration: a category or a way to pay is any short text, and each run
-- says which configuration it followed.

ALTER TABLE core.categories DROP CONSTRAINT categories_name_check;
ALTER TABLE core.categories
    ADD CONSTRAINT categories_name_check CHECK (name <> '' AND octet_length(name) <= 64);
ALTER TABLE core.payment_methods DROP CONSTRAINT payment_methods_name_check;
ALTER TABLE core.payment_methods
    ADD CONSTRAINT payment_methods_name_check CHECK (name <> '' AND octet_length(name) <= 64);

ALTER TABLE ops.runs ADD COLUMN config_version text;
COMMENT ON COLUMN ops.runs.config_version IS
    'of the configuration and suites laid over the built-in ones: the beginning of a SHA-256 over them; absent when there are none';
