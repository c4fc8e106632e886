-- Core, second edition: sources as rows of their own, confirmations instead of rewritten rows,
-- versions of transactions, named countries, columns the datasets do not know, and an audit of
-- failed attempts. Everything that is stored is kept. The tables it rewrites belong to the pipeline
-- alone, and the whole file is one transaction that the pipeline waits for:
-- squawk-ignore-file adding-field-with-default, adding-foreign-key-constraint, adding-not-nullable-field, adding-serial-primary-key-field, ban-drop-table, constraint-missing-not-valid, disallowed-unique-constraint, renaming-object, renaming-table

-- Reference tables.
ALTER TABLE core.countries ADD COLUMN name text;

INSERT INTO core.countries (code, name) VALUES
    ('AD', 'Andorra'), ('AE', 'United Arab Emirates'), ('AF', 'Afghanistan'),
    ('AG', 'Antigua and Barbuda'), ('AI', 'Anguilla'), ('AL', 'Albania'), ('AM', 'Armenia'),
    ('AO', 'Angola'), ('AQ', 'Antarctica'), ('AR', 'Argentina'), ('AS', 'American Samoa'),
    ('AT', 'Austria'), ('AU', 'Australia'), ('AW', 'Aruba'), ('AX', 'Åland Islands'),
    ('AZ', 'Azerbaijan'), ('BA', 'Bosnia and Herzegovina'), ('BB', 'Barbados'),
    ('BD', 'Bangladesh'), ('BE', 'Belgium'), ('BF', 'Burkina Faso'), ('BG', 'Bulgaria'),
    ('BH', 'Bahrain'), ('BI', 'Burundi'), ('BJ', 'Benin'), ('BL', 'Saint Barthélemy'),
    ('BM', 'Bermuda'), ('BN', 'Brunei Darussalam'), ('BO', 'Bolivia'),
    ('BQ', 'Bonaire, Sint Eustatius and Saba'), ('BR', 'Brazil'), ('BS', 'Bahamas'),
    ('BT', 'Bhutan'), ('BV', 'Bouvet Island'), ('BW', 'Botswana'), ('BY', 'Belarus'),
    ('BZ', 'Belize'), ('CA', 'Canada'), ('CC', 'Cocos (Keeling) Islands'),
    ('CD', 'Congo, The Democratic Republic of the'), ('CF', 'Central African Republic'),
    ('CG', 'Congo'), ('CH', 'Switzerland'), ('CI', 'Côte d''Ivoire'), ('CK', 'Cook Islands'),
    ('CL', 'Chile'), ('CM', 'Cameroon'), ('CN', 'China'), ('CO', 'Colombia'), ('CR', 'Costa Rica'),
    ('CU', 'Cuba'), ('CV', 'Cabo Verde'), ('CW', 'Curaçao'), ('CX', 'Christmas Island'),
    ('CY', 'Cyprus'), ('CZ', 'Czechia'), ('DE', 'Germany'), ('DJ', 'Djibouti'), ('DK', 'Denmark'),
    ('DM', 'Dominica'), ('DO', 'Dominican Republic'), ('DZ', 'Algeria'), ('EC', 'Ecuador'),
    ('EE', 'Estonia'), ('EG', 'Egypt'), ('EH', 'Western Sahara'), ('ER', 'Eritrea'),
    ('ES', 'Spain'), ('ET', 'Ethiopia'), ('FI', 'Finland'), ('FJ', 'Fiji'),
    ('FK', 'Falkland Islands (Malvinas)'), ('FM', 'Micronesia, Federated States of'),
    ('FO', 'Faroe Islands'), ('FR', 'France'), ('GA', 'Gabon'), ('GB', 'United Kingdom'),
    ('GD', 'Grenada'), ('GE', 'Georgia'), ('GF', 'French Guiana'), ('GG', 'Guernsey'),
    ('GH', 'Ghana'), ('GI', 'Gibraltar'), ('GL', 'Greenland'), ('GM', 'Gambia'), ('GN', 'Guinea'),
    ('GP', 'Guadeloupe'), ('GQ', 'Equatorial Guinea'), ('GR', 'Greece'),
    ('GS', 'South Georgia and the South Sandwich Islands'), ('GT', 'Guatemala'), ('GU', 'Guam'),
    ('GW', 'Guinea-Bissau'), ('GY', 'Guyana'), ('HK', 'Hong Kong'),
    ('HM', 'Heard Island and McDonald Islands'), ('HN', 'Honduras'), ('HR', 'Croatia'),
    ('HT', 'Haiti'), ('HU', 'Hungary'), ('ID', 'Indonesia'), ('IE', 'Ireland'), ('IL', 'Israel'),
    ('IM', 'Isle of Man'), ('IN', 'India'), ('IO', 'British Indian Ocean Territory'),
    ('IQ', 'Iraq'), ('IR', 'Iran'), ('IS', 'Iceland'), ('IT', 'Italy'), ('JE', 'Jersey'),
    ('JM', 'Jamaica'), ('JO', 'Jordan'), ('JP', 'Japan'), ('KE', 'Kenya'), ('KG', 'Kyrgyzstan'),
    ('KH', 'Cambodia'), ('KI', 'Kiribati'), ('KM', 'Comoros'), ('KN', 'Saint Kitts and Nevis'),
    ('KP', 'North Korea'), ('KR', 'South Korea'), ('KW', 'Kuwait'), ('KY', 'Cayman Islands'),
    ('KZ', 'Kazakhstan'), ('LA', 'Laos'), ('LB', 'Lebanon'), ('LC', 'Saint Lucia'),
    ('LI', 'Liechtenstein'), ('LK', 'Sri Lanka'), ('LR', 'Liberia'), ('LS', 'Lesotho'),
    ('LT', 'Lithuania'), ('LU', 'Luxembourg'), ('LV', 'Latvia'), ('LY', 'Libya'),
    ('MA', 'Morocco'), ('MC', 'Monaco'), ('MD', 'Moldova'), ('ME', 'Montenegro'),
    ('MF', 'Saint Martin (French part)'), ('MG', 'Madagascar'), ('MH', 'Marshall Islands'),
    ('MK', 'North Macedonia'), ('ML', 'Mali'), ('MM', 'Myanmar'), ('MN', 'Mongolia'),
    ('MO', 'Macao'), ('MP', 'Northern Mariana Islands'), ('MQ', 'Martinique'),
    ('MR', 'Mauritania'), ('MS', 'Montserrat'), ('MT', 'Malta'), ('MU', 'Mauritius'),
    ('MV', 'Maldives'), ('MW', 'Malawi'), ('MX', 'Mexico'), ('MY', 'Malaysia'),
    ('MZ', 'Mozambique'), ('NA', 'Namibia'), ('NC', 'New Caledonia'), ('NE', 'Niger'),
    ('NF', 'Norfolk Island'), ('NG', 'Nigeria'), ('NI', 'Nicaragua'), ('NL', 'Netherlands'),
    ('NO', 'Norway'), ('NP', 'Nepal'), ('NR', 'Nauru'), ('NU', 'Niue'), ('NZ', 'New Zealand'),
    ('OM', 'Oman'), ('PA', 'Panama'), ('PE', 'Peru'), ('PF', 'French Polynesia'),
    ('PG', 'Papua New Guinea'), ('PH', 'Philippines'), ('PK', 'Pakistan'), ('PL', 'Poland'),
    ('PM', 'Saint Pierre and Miquelon'), ('PN', 'Pitcairn'), ('PR', 'Puerto Rico'),
    ('PS', 'Palestine, State of'), ('PT', 'Portugal'), ('PW', 'Palau'), ('PY', 'Paraguay'),
    ('QA', 'Qatar'), ('RE', 'Réunion'), ('RO', 'Romania'), ('RS', 'Serbia'),
    ('RU', 'Russian Federation'), ('RW', 'Rwanda'), ('SA', 'Saudi Arabia'),
    ('SB', 'Solomon Islands'), ('SC', 'Seychelles'), ('SD', 'Sudan'), ('SE', 'Sweden'),
    ('SG', 'Singapore'), ('SH', 'Saint Helena, Ascension and Tristan da Cunha'),
    ('SI', 'Slovenia'), ('SJ', 'Svalbard and Jan Mayen'), ('SK', 'Slovakia'),
    ('SL', 'Sierra Leone'), ('SM', 'San Marino'), ('SN', 'Senegal'), ('SO', 'Somalia'),
    ('SR', 'Suriname'), ('SS', 'South Sudan'), ('ST', 'Sao Tome and Principe'),
    ('SV', 'El Salvador'), ('SX', 'Sint Maarten (Dutch part)'), ('SY', 'Syria'),
    ('SZ', 'Eswatini'), ('TC', 'Turks and Caicos Islands'), ('TD', 'Chad'),
    ('TF', 'French Southern Territories'), ('TG', 'Togo'), ('TH', 'Thailand'),
    ('TJ', 'Tajikistan'), ('TK', 'Tokelau'), ('TL', 'Timor-Leste'), ('TM', 'Turkmenistan'),
    ('TN', 'Tunisia'), ('TO', 'Tonga'), ('TR', 'Türkiye'), ('TT', 'Trinidad and Tobago'),
    ('TV', 'Tuvalu'), ('TW', 'Taiwan'), ('TZ', 'Tanzania'), ('UA', 'Ukraine'), ('UG', 'Uganda'),
    ('UM', 'United States Minor Outlying Islands'), ('US', 'United States'), ('UY', 'Uruguay'),
    ('UZ', 'Uzbekistan'), ('VA', 'Holy See (Vatican City State)'),
    ('VC', 'Saint Vincent and the Grenadines'), ('VE', 'Venezuela'),
    ('VG', 'Virgin Islands, British'), ('VI', 'Virgin Islands, U.S.'), ('VN', 'Vietnam'),
    ('VU', 'Vanuatu'), ('WF', 'Wallis and Futuna'), ('WS', 'Samoa'), ('YE', 'Yemen'),
    ('YT', 'Mayotte'), ('ZA', 'South Africa'), ('ZM', 'Zambia'), ('ZW', 'Zimbabwe')
ON CONFLICT (code) DO UPDATE SET name = excluded.name;

-- A code of an earlier edition of the standard keeps itself as its name.
UPDATE core.countries SET name = code WHERE name IS NULL;

ALTER TABLE core.countries
    ALTER COLUMN name SET NOT NULL,
    ADD CONSTRAINT countries_name_key UNIQUE (name);
ALTER TABLE core.categories
    ADD CONSTRAINT categories_name_check CHECK (name ~ '^[a-z][a-z0-9_]*$');
ALTER TABLE core.payment_methods
    ADD CONSTRAINT payment_methods_name_check CHECK (name ~ '^[a-z][a-z0-9_]*$');
ALTER TABLE core.suppliers
    ADD CONSTRAINT suppliers_name_check CHECK (name <> '' AND octet_length(name) <= 200);

-- One row per file loaded by a run. The order of two files is (effective_at, modified_at,
-- version_id); source_id grows in the order of loading within a dataset.
CREATE TABLE core.sources (
    source_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset text NOT NULL CHECK (dataset IN ('customers', 'products', 'transactions')),
    run_id text NOT NULL,
    bucket text NOT NULL,
    key text NOT NULL,
    version_id text NOT NULL,
    effective_at timestamptz NOT NULL,
    modified_at timestamptz NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX sources_order ON core.sources (dataset, effective_at, modified_at);

-- The files that the rows of today came from; the object is known where the audit has it.
INSERT INTO core.sources (dataset, run_id, bucket, key, version_id, effective_at, modified_at,
                          loaded_at)
SELECT 'transactions', t.source_run_id, coalesce(a.source_bucket, ''), coalesce(a.source_key, ''),
       t.source_version_id, t.effective_at, t.source_modified_at, t.loaded_at
FROM (
    SELECT source_run_id, source_version_id, effective_at, source_modified_at,
           max(updated_at) AS loaded_at
    FROM core.transactions
    GROUP BY 1, 2, 3, 4
) AS t
LEFT JOIN LATERAL (
    SELECT l.source_bucket, l.source_key
    FROM ops.load_audit AS l
    WHERE l.run_id = t.source_run_id AND l.dataset = 'transactions'
      AND l.source_version_id = t.source_version_id
    ORDER BY l.part
    LIMIT 1
) AS a ON true
ORDER BY t.effective_at, t.source_modified_at, t.source_version_id COLLATE "C", t.source_run_id;

-- A later file that repeats a row does not rewrite it: the ids it repeats are kept here as ranges.
-- A range counts for the rows within it that were written by sources before its own (a smaller
-- source_id), so ids that were in no table yet may lie within it.
CREATE TABLE core.confirmations (
    source_id integer NOT NULL REFERENCES core.sources (source_id),
    first_id bigint NOT NULL,
    last_id bigint NOT NULL,
    PRIMARY KEY (source_id, first_id),
    CHECK (first_id <= last_id)
);

-- Transactions, written anew: narrower rows, columns in the order that needs no padding.
CREATE TABLE core.transactions_new (
    id bigint NOT NULL CHECK (id > 0),
    customer_id bigint NOT NULL,
    product_id bigint NOT NULL,
    "timestamp" timestamptz NOT NULL,
    row_hash bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    quantity integer NOT NULL CHECK (quantity >= 1),
    row_version integer NOT NULL DEFAULT 1,
    source_id integer NOT NULL,
    payment_method_id smallint NOT NULL,
    extra jsonb
);

INSERT INTO core.transactions_new
SELECT t.id, t.customer_id, t.product_id, t."timestamp",
       ('x' || encode(substr(t.row_hash || '\x0000000000000000'::bytea, 1, 8), 'hex'))::bit(64)::bigint,
       t.created_at, t.updated_at, t.quantity, t.row_version, s.source_id, t.payment_method_id, NULL
FROM core.transactions AS t
JOIN core.sources AS s
  ON s.dataset = 'transactions' AND s.run_id = t.source_run_id
 AND s.version_id = t.source_version_id AND s.effective_at = t.effective_at
 AND s.modified_at = t.source_modified_at
ORDER BY t.id;

DROP TABLE core.transactions;
ALTER TABLE core.transactions_new RENAME TO transactions;
ALTER TABLE core.transactions RENAME CONSTRAINT transactions_new_id_check TO transactions_id_check;
ALTER TABLE core.transactions
    RENAME CONSTRAINT transactions_new_quantity_check TO transactions_quantity_check;
ALTER TABLE core.transactions
    ADD CONSTRAINT transactions_pkey PRIMARY KEY (id),
    ADD CONSTRAINT transactions_customer_id_fkey
        FOREIGN KEY (customer_id) REFERENCES core.customers (id),
    ADD CONSTRAINT transactions_product_id_fkey
        FOREIGN KEY (product_id) REFERENCES core.products (id),
    ADD CONSTRAINT transactions_payment_method_id_fkey
        FOREIGN KEY (payment_method_id) REFERENCES core.payment_methods (payment_method_id),
    ADD CONSTRAINT transactions_source_id_fkey
        FOREIGN KEY (source_id) REFERENCES core.sources (source_id);
CREATE INDEX transactions_timestamp ON core.transactions ("timestamp");
CREATE INDEX transactions_product ON core.transactions (product_id, "timestamp");

-- The versions that updates have replaced; the current one is in core.transactions.
CREATE TABLE core.transaction_history (
    id bigint NOT NULL,
    row_version integer NOT NULL CHECK (row_version >= 1),
    customer_id bigint NOT NULL,
    product_id bigint NOT NULL,
    quantity integer NOT NULL,
    "timestamp" timestamptz NOT NULL,
    payment_method_id smallint NOT NULL REFERENCES core.payment_methods (payment_method_id),
    extra jsonb,
    row_hash bigint NOT NULL,
    source_id integer NOT NULL REFERENCES core.sources (source_id),
    written_at timestamptz NOT NULL,
    replaced_by_source_id integer NOT NULL REFERENCES core.sources (source_id),
    replaced_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (id, row_version)
);

-- Columns the datasets do not know (schema contract evolve).
ALTER TABLE core.customers ADD COLUMN extra jsonb;
ALTER TABLE core.products ADD COLUMN extra jsonb;
ALTER TABLE core.customer_history ADD COLUMN extra jsonb;
ALTER TABLE core.product_history ADD COLUMN extra jsonb;

-- The audit: how long each load took, and the attempts that failed.
ALTER TABLE ops.load_audit
    ADD COLUMN effective_at timestamptz,
    ADD COLUMN source_id integer REFERENCES core.sources (source_id),
    ADD COLUMN duration_ms bigint GENERATED ALWAYS AS
        ((extract(epoch FROM finished_at - started_at) * 1000)::bigint) STORED;

CREATE TABLE ops.load_failures (
    failure_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id text NOT NULL,
    dataset text NOT NULL,
    part integer NOT NULL,
    source_bucket text NOT NULL,
    source_key text NOT NULL,
    source_version_id text NOT NULL,
    raw_key text NOT NULL,
    rows_in bigint NOT NULL,
    error text NOT NULL,
    cause text NOT NULL,
    attempted_by text NOT NULL DEFAULT current_user,
    started_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    duration_ms bigint GENERATED ALWAYS AS
        ((extract(epoch FROM finished_at - started_at) * 1000)::bigint) STORED
);

CREATE INDEX load_failures_run ON ops.load_failures (run_id, dataset, part);

CREATE VIEW ops.load_attempts AS
SELECT run_id, dataset, part, source_bucket, source_key, source_version_id, 'loaded' AS outcome,
       rows_in, inserted, updated, unchanged, inferred_members, loaded_by AS attempted_by,
       started_at, finished_at, duration_ms, NULL AS error, NULL AS cause
FROM ops.load_audit
UNION ALL
SELECT run_id, dataset, part, source_bucket, source_key, source_version_id, 'failed',
       rows_in, 0, 0, 0, 0, attempted_by, started_at, finished_at, duration_ms, error, cause
FROM ops.load_failures;

-- What everything is, for the data dictionary.
COMMENT ON TABLE core.countries IS
    'countries of ISO 3166-1';
COMMENT ON COLUMN core.countries.code IS 'alpha-2 code';
COMMENT ON COLUMN core.countries.name IS 'short name in English';

COMMENT ON TABLE core.categories IS
    'product categories';
COMMENT ON COLUMN core.categories.category_id IS 'surrogate key';
COMMENT ON COLUMN core.categories.name IS 'name in the files';

COMMENT ON TABLE core.suppliers IS
    'suppliers of products';
COMMENT ON COLUMN core.suppliers.supplier_id IS 'surrogate key';
COMMENT ON COLUMN core.suppliers.name IS 'name in the files';

COMMENT ON TABLE core.payment_methods IS
    'ways to pay';
COMMENT ON COLUMN core.payment_methods.payment_method_id IS 'surrogate key';
COMMENT ON COLUMN core.payment_methods.name IS 'name in the files';

COMMENT ON TABLE core.customers IS
    'customers, the current version of each';
COMMENT ON COLUMN core.customers.id IS 'customer number';
COMMENT ON COLUMN core.customers.name IS 'full name (personal)';
COMMENT ON COLUMN core.customers.email IS 'e-mail address (personal)';
COMMENT ON COLUMN core.customers.registration_date IS 'day the account was opened';
COMMENT ON COLUMN core.customers.country IS 'country of residence';
COMMENT ON COLUMN core.customers.row_hash IS
    'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.customers.row_version IS
    '1 for the first version, plus 1 with each change of content';
COMMENT ON COLUMN core.customers.is_inferred IS
    'known only because a transaction names it; its own row completes it';
COMMENT ON COLUMN core.customers.created_at IS 'when the row was first written';
COMMENT ON COLUMN core.customers.updated_at IS 'when its content last changed';
COMMENT ON COLUMN core.customers.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.customers.effective_at IS
    'moment from which the row is true, from its source';
COMMENT ON COLUMN core.customers.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.customers.source_version_id IS
    'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.customers.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE core.products IS
    'products, the current version of each';
COMMENT ON COLUMN core.products.id IS 'product number';
COMMENT ON COLUMN core.products.name IS 'name in the shop';
COMMENT ON COLUMN core.products.category_id IS 'category in the shop';
COMMENT ON COLUMN core.products.price IS 'list price per unit in the shop''s currency';
COMMENT ON COLUMN core.products.supplier_id IS 'who supplies it';
COMMENT ON COLUMN core.products.row_hash IS 'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.products.row_version IS
    '1 for the first version, plus 1 with each change of content';
COMMENT ON COLUMN core.products.is_inferred IS
    'known only because a transaction names it; its own row completes it';
COMMENT ON COLUMN core.products.created_at IS 'when the row was first written';
COMMENT ON COLUMN core.products.updated_at IS 'when its content last changed';
COMMENT ON COLUMN core.products.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.products.effective_at IS
    'moment from which the row is true, from its source';
COMMENT ON COLUMN core.products.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.products.source_version_id IS
    'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.products.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE core.customer_history IS
    'every accepted version of a customer, one per effective moment';
COMMENT ON COLUMN core.customer_history.id IS 'customer number';
COMMENT ON COLUMN core.customer_history.name IS 'full name (personal)';
COMMENT ON COLUMN core.customer_history.email IS 'e-mail address (personal)';
COMMENT ON COLUMN core.customer_history.registration_date IS 'day the account was opened';
COMMENT ON COLUMN core.customer_history.country IS 'country of residence';
COMMENT ON COLUMN core.customer_history.row_hash IS
    'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.customer_history.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.customer_history.effective_at IS
    'moment from which the row is true, from its source';
COMMENT ON COLUMN core.customer_history.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.customer_history.source_version_id IS
    'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.customer_history.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE core.product_history IS
    'every accepted version of a product, one per effective moment';
COMMENT ON COLUMN core.product_history.id IS 'product number';
COMMENT ON COLUMN core.product_history.name IS 'name in the shop';
COMMENT ON COLUMN core.product_history.category IS 'category in the shop';
COMMENT ON COLUMN core.product_history.price IS 'list price per unit in the shop''s currency';
COMMENT ON COLUMN core.product_history.supplier IS 'name of the supplier';
COMMENT ON COLUMN core.product_history.row_hash IS
    'first 16 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.product_history.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.product_history.effective_at IS
    'moment from which the row is true, from its source';
COMMENT ON COLUMN core.product_history.source_modified_at IS 'when the source object was uploaded';
COMMENT ON COLUMN core.product_history.source_version_id IS
    'S3 version of the source object; compared byte by byte';
COMMENT ON COLUMN core.product_history.source_run_id IS 'run that last wrote the row';

COMMENT ON TABLE core.transactions IS
    'sales, the current version of each';
COMMENT ON COLUMN core.transactions.id IS 'transaction number; one product in one order';
COMMENT ON COLUMN core.transactions.customer_id IS 'who bought';
COMMENT ON COLUMN core.transactions.product_id IS 'what was bought';
COMMENT ON COLUMN core.transactions.quantity IS 'units bought';
COMMENT ON COLUMN core.transactions."timestamp" IS 'moment of the sale';
COMMENT ON COLUMN core.transactions.payment_method_id IS 'how it was paid';
COMMENT ON COLUMN core.transactions.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.transactions.row_hash IS
    'first 8 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.transactions.row_version IS
    '1 for the first version, plus 1 with each change of content';
COMMENT ON COLUMN core.transactions.source_id IS 'file the content came from';
COMMENT ON COLUMN core.transactions.created_at IS 'when the row was first written';
COMMENT ON COLUMN core.transactions.updated_at IS 'when its content last changed';

COMMENT ON TABLE core.transaction_history IS
    'versions of sales that later sources replaced';
COMMENT ON COLUMN core.transaction_history.id IS 'transaction number; one product in one order';
COMMENT ON COLUMN core.transaction_history.customer_id IS 'who bought';
COMMENT ON COLUMN core.transaction_history.product_id IS 'what was bought';
COMMENT ON COLUMN core.transaction_history.quantity IS 'units bought';
COMMENT ON COLUMN core.transaction_history."timestamp" IS 'moment of the sale';
COMMENT ON COLUMN core.transaction_history.payment_method_id IS 'how it was paid';
COMMENT ON COLUMN core.transaction_history.extra IS
    'columns of the file that the dataset does not know, by name (schema contract evolve)';
COMMENT ON COLUMN core.transaction_history.row_hash IS
    'first 8 bytes of a SHA-256 over the canonical values';
COMMENT ON COLUMN core.transaction_history.row_version IS 'version that was replaced';
COMMENT ON COLUMN core.transaction_history.source_id IS 'file the version came from';
COMMENT ON COLUMN core.transaction_history.written_at IS 'when the version was written';
COMMENT ON COLUMN core.transaction_history.replaced_by_source_id IS 'file that replaced it';
COMMENT ON COLUMN core.transaction_history.replaced_at IS 'when it was replaced';

COMMENT ON TABLE core.sources IS
    'files loaded into core, one row per load';
COMMENT ON COLUMN core.sources.source_id IS
    'surrogate key; grows in the order of loading within a dataset';
COMMENT ON COLUMN core.sources.dataset IS 'what the file holds';
COMMENT ON COLUMN core.sources.run_id IS 'run that loaded it';
COMMENT ON COLUMN core.sources.bucket IS
    'bucket of the landed object; empty if the load is older than this table and not in the audit';
COMMENT ON COLUMN core.sources.key IS 'key of the landed object';
COMMENT ON COLUMN core.sources.version_id IS 'S3 version of the landed object';
COMMENT ON COLUMN core.sources.effective_at IS 'moment from which its rows are true';
COMMENT ON COLUMN core.sources.modified_at IS 'when the object was uploaded';
COMMENT ON COLUMN core.sources.loaded_at IS 'start of the load';

COMMENT ON TABLE core.confirmations IS
    'ids of transactions that a later source repeats unchanged, as ranges';
COMMENT ON COLUMN core.confirmations.source_id IS
    'file that repeats them; counts for rows of sources with a smaller source_id';
COMMENT ON COLUMN core.confirmations.first_id IS 'first id of the range';
COMMENT ON COLUMN core.confirmations.last_id IS 'last id of the range, inclusive';

COMMENT ON TABLE ops.runs IS
    'executions of the pipeline';
COMMENT ON COLUMN ops.runs.run_id IS 'name of the execution';
COMMENT ON COLUMN ops.runs.run_date IS 'business date of the run';
COMMENT ON COLUMN ops.runs.status IS 'running, succeeded or failed';
COMMENT ON COLUMN ops.runs.input IS 'input of the execution';
COMMENT ON COLUMN ops.runs.started_at IS 'when it began';
COMMENT ON COLUMN ops.runs.finished_at IS 'when it ended';
COMMENT ON COLUMN ops.runs.duration_ms IS 'milliseconds from start to end';
COMMENT ON COLUMN ops.runs.cost_usd IS 'estimated cost in US dollars';
COMMENT ON COLUMN ops.runs.quality_score IS 'share of passed checks in percent';
COMMENT ON COLUMN ops.runs.error IS 'name of the error it failed with';
COMMENT ON COLUMN ops.runs.cause IS 'text of the error';

COMMENT ON TABLE ops.ledger IS
    'account of rows per run, stage and dataset: in = loaded + quarantined + unchanged';
COMMENT ON COLUMN ops.ledger.run_id IS 'run';
COMMENT ON COLUMN ops.ledger.stage IS 'stage of the pipeline';
COMMENT ON COLUMN ops.ledger.dataset IS 'dataset';
COMMENT ON COLUMN ops.ledger.rows_in IS 'rows that came in';
COMMENT ON COLUMN ops.ledger.rows_loaded IS 'rows that went on';
COMMENT ON COLUMN ops.ledger.rows_quarantined IS 'rows refused, each with its reason';
COMMENT ON COLUMN ops.ledger.rows_unchanged IS 'rows that were there already';

COMMENT ON TABLE ops.load_audit IS
    'files loaded, one row per file and run, written in the transaction of the load';
COMMENT ON COLUMN ops.load_audit.run_id IS 'run';
COMMENT ON COLUMN ops.load_audit.dataset IS 'dataset';
COMMENT ON COLUMN ops.load_audit.part IS 'number of the file within the run';
COMMENT ON COLUMN ops.load_audit.source_bucket IS 'bucket of the landed object';
COMMENT ON COLUMN ops.load_audit.source_key IS 'key of the landed object';
COMMENT ON COLUMN ops.load_audit.source_version_id IS 'S3 version of the landed object';
COMMENT ON COLUMN ops.load_audit.raw_key IS 'key of the raw copy that was loaded';
COMMENT ON COLUMN ops.load_audit.rows_in IS 'rows of the file';
COMMENT ON COLUMN ops.load_audit.inserted IS 'ids nobody knew, and inferred members completed';
COMMENT ON COLUMN ops.load_audit.updated IS 'rows whose content changed';
COMMENT ON COLUMN ops.load_audit.unchanged IS
    'rows that were there already, or from an earlier source';
COMMENT ON COLUMN ops.load_audit.inferred_members IS
    'customers and products known only from this file';
COMMENT ON COLUMN ops.load_audit.loaded_by IS 'database role';
COMMENT ON COLUMN ops.load_audit.started_at IS 'start of the transaction';
COMMENT ON COLUMN ops.load_audit.finished_at IS 'end of the load';
COMMENT ON COLUMN ops.load_audit.effective_at IS 'moment from which the rows are true';
COMMENT ON COLUMN ops.load_audit.source_id IS 'the file in core.sources';
COMMENT ON COLUMN ops.load_audit.duration_ms IS 'milliseconds from start to end';

COMMENT ON TABLE ops.load_failures IS
    'attempts to load a file that failed, each written in a transaction of its own';
COMMENT ON COLUMN ops.load_failures.failure_id IS 'surrogate key';
COMMENT ON COLUMN ops.load_failures.run_id IS 'run';
COMMENT ON COLUMN ops.load_failures.dataset IS 'dataset';
COMMENT ON COLUMN ops.load_failures.part IS 'number of the file within the run';
COMMENT ON COLUMN ops.load_failures.source_bucket IS 'bucket of the landed object';
COMMENT ON COLUMN ops.load_failures.source_key IS 'key of the landed object';
COMMENT ON COLUMN ops.load_failures.source_version_id IS 'S3 version of the landed object';
COMMENT ON COLUMN ops.load_failures.raw_key IS 'key of the raw copy that was loaded';
COMMENT ON COLUMN ops.load_failures.rows_in IS 'rows of the file by its manifest';
COMMENT ON COLUMN ops.load_failures.error IS 'kind of the error';
COMMENT ON COLUMN ops.load_failures.cause IS 'text of the error, free of values';
COMMENT ON COLUMN ops.load_failures.attempted_by IS 'database role';
COMMENT ON COLUMN ops.load_failures.started_at IS 'start of the attempt';
COMMENT ON COLUMN ops.load_failures.finished_at IS 'when it failed';
COMMENT ON COLUMN ops.load_failures.duration_ms IS 'milliseconds from start to failure';

COMMENT ON TABLE ops.lake_queue IS
    'bronze files that wait for transform';
COMMENT ON COLUMN ops.lake_queue.run_id IS 'run that loaded the file';
COMMENT ON COLUMN ops.lake_queue.dataset IS 'dataset';
COMMENT ON COLUMN ops.lake_queue.part IS 'number of the file within the run';
COMMENT ON COLUMN ops.lake_queue.entry IS 'its entry in the manifest';
COMMENT ON COLUMN ops.lake_queue.queued_at IS 'when it was queued';
COMMENT ON COLUMN ops.lake_queue.transformed_at IS
    'when transform committed it; absent while it waits';
COMMENT ON COLUMN ops.lake_queue.transformed_by IS 'run whose transform committed it';
COMMENT ON COLUMN ops.lake_queue.rows_loaded IS 'rows that changed silver';
COMMENT ON COLUMN ops.lake_queue.rows_unchanged IS 'rows that did not';

COMMENT ON TABLE ops.moved_rows IS
    'transactions that silver must drop from a date';
COMMENT ON COLUMN ops.moved_rows.id IS 'transaction number';
COMMENT ON COLUMN ops.moved_rows.from_date IS 'date it is not, or no longer, on';
COMMENT ON COLUMN ops.moved_rows.moved_at IS 'when this was found';

COMMENT ON TABLE ops.dirty_dates IS
    'event dates to recompute';
COMMENT ON COLUMN ops.dirty_dates.event_date IS 'UTC date';
COMMENT ON COLUMN ops.dirty_dates.marked_at IS 'when it was last marked';

COMMENT ON TABLE ops.dirty_entities IS
    'customers and products whose history changed';
COMMENT ON COLUMN ops.dirty_entities.dataset IS 'customers or products';
COMMENT ON COLUMN ops.dirty_entities.id IS 'number of the entity';
COMMENT ON COLUMN ops.dirty_entities.marked_at IS 'when it was last marked';

COMMENT ON VIEW ops.load_attempts IS
    'every attempt to load a file with its outcome, loaded or failed';
COMMENT ON COLUMN ops.load_attempts.run_id IS 'run that tried';
COMMENT ON COLUMN ops.load_attempts.dataset IS 'dataset of the file';
COMMENT ON COLUMN ops.load_attempts.part IS 'number of the file within the run';
COMMENT ON COLUMN ops.load_attempts.source_bucket IS 'bucket of the landed file';
COMMENT ON COLUMN ops.load_attempts.source_key IS 'key of the landed file';
COMMENT ON COLUMN ops.load_attempts.source_version_id IS 'version of the landed file';
COMMENT ON COLUMN ops.load_attempts.outcome IS 'loaded or failed';
COMMENT ON COLUMN ops.load_attempts.rows_in IS 'rows of the file, by the manifest';
COMMENT ON COLUMN ops.load_attempts.inserted IS 'rows that were new';
COMMENT ON COLUMN ops.load_attempts.updated IS 'rows with other content than stored';
COMMENT ON COLUMN ops.load_attempts.unchanged IS 'rows stored already, or older than what is stored';
COMMENT ON COLUMN ops.load_attempts.inferred_members IS 'customers and products known only from this file';
COMMENT ON COLUMN ops.load_attempts.attempted_by IS 'database role';
COMMENT ON COLUMN ops.load_attempts.started_at IS 'begin of the attempt';
COMMENT ON COLUMN ops.load_attempts.finished_at IS 'end of the attempt';
COMMENT ON COLUMN ops.load_attempts.duration_ms IS 'length of the attempt in milliseconds';
COMMENT ON COLUMN ops.load_attempts.error IS 'name of the error of a failed attempt';
COMMENT ON COLUMN ops.load_attempts.cause IS 'what failed, without values of the file';
