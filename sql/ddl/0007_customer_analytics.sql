-- Published copies of the gold tables about customers and recommendations.
CREATE TABLE warehouse.customer_rfm (
    customer_id bigint PRIMARY KEY,
    last_purchase date NOT NULL,
    recency_days bigint NOT NULL,
    frequency bigint NOT NULL,
    monetary numeric(18, 2) NOT NULL,
    recency_score bigint NOT NULL,
    frequency_score bigint NOT NULL,
    monetary_score bigint NOT NULL,
    segment text NOT NULL,
    CONSTRAINT customer_rfm_scores_check CHECK (
        recency_score BETWEEN 1 AND 5 AND frequency_score BETWEEN 1 AND 5
        AND monetary_score BETWEEN 1 AND 5)
);

CREATE TABLE warehouse.cohort_retention (
    cohort_month date NOT NULL,
    month_number bigint NOT NULL,
    customers bigint NOT NULL,
    active_customers bigint NOT NULL,
    retention numeric(9, 6) NOT NULL,
    CONSTRAINT cohort_retention_pkey PRIMARY KEY (cohort_month, month_number),
    CONSTRAINT cohort_retention_active_check CHECK (active_customers BETWEEN 0 AND customers)
);

CREATE TABLE warehouse.model_fits (
    model text NOT NULL,
    parameter text NOT NULL,
    as_of date NOT NULL,
    version text,
    outcome text NOT NULL,
    customers bigint NOT NULL,
    estimate double precision,
    standard_error double precision,
    lower_95 double precision,
    upper_95 double precision,
    log_likelihood double precision,
    iterations bigint,
    gradient_norm double precision,
    CONSTRAINT model_fits_pkey PRIMARY KEY (model, parameter),
    CONSTRAINT model_fits_estimate_check CHECK ((outcome = 'converged') = (estimate IS NOT NULL))
);

CREATE TABLE warehouse.customer_lifetime_prediction (
    customer_id bigint PRIMARY KEY,
    as_of date NOT NULL,
    repeat_purchases bigint NOT NULL,
    recency_days bigint NOT NULL,
    age_days bigint NOT NULL,
    probability_alive numeric(9, 6),
    expected_purchases_90d numeric(18, 6),
    expected_purchases_365d numeric(18, 6),
    expected_purchase_value numeric(18, 2),
    predicted_value numeric(18, 2),
    frequency_version text,
    spending_version text,
    CONSTRAINT customer_lifetime_prediction_alive_check CHECK (probability_alive BETWEEN 0 AND 1)
);

CREATE TABLE warehouse.product_pairs (
    product_id bigint NOT NULL,
    other_product_id bigint NOT NULL,
    baskets bigint NOT NULL,
    product_baskets bigint NOT NULL,
    other_baskets bigint NOT NULL,
    support numeric(10, 9) NOT NULL,
    confidence numeric(10, 9) NOT NULL,
    other_confidence numeric(10, 9) NOT NULL,
    lift numeric(24, 9) NOT NULL,
    CONSTRAINT product_pairs_pkey PRIMARY KEY (product_id, other_product_id),
    CONSTRAINT product_pairs_order_check CHECK (product_id < other_product_id)
);
-- Pairs are asked for from either side.
CREATE INDEX product_pairs_other ON warehouse.product_pairs (other_product_id);

CREATE TABLE warehouse.product_similarity (
    product_id bigint NOT NULL,
    source text NOT NULL,
    rank integer NOT NULL,
    similar_product_id bigint NOT NULL,
    together bigint NOT NULL,
    cosine numeric(10, 9) NOT NULL,
    jaccard numeric(10, 9) NOT NULL,
    CONSTRAINT product_similarity_pkey PRIMARY KEY (product_id, source, rank),
    CONSTRAINT product_similarity_self_check CHECK (product_id <> similar_product_id)
);

COMMENT ON TABLE warehouse.customer_rfm IS 'Recency, frequency and monetary scores of each customer who ever bought, as of the latest sale of the shop';
COMMENT ON COLUMN warehouse.customer_rfm.customer_id IS 'Customer number';
COMMENT ON COLUMN warehouse.customer_rfm.last_purchase IS 'Business day of the latest purchase';
COMMENT ON COLUMN warehouse.customer_rfm.recency_days IS 'Days from the latest purchase to the latest sale of the shop';
COMMENT ON COLUMN warehouse.customer_rfm.frequency IS 'Business days with a purchase';
COMMENT ON COLUMN warehouse.customer_rfm.monetary IS 'Sum of amount over priced sales';
COMMENT ON COLUMN warehouse.customer_rfm.recency_score IS '1 to 5, 5 the most recent fifth; equal customers have equal scores';
COMMENT ON COLUMN warehouse.customer_rfm.frequency_score IS '1 to 5, 5 the most frequent fifth; equal customers have equal scores';
COMMENT ON COLUMN warehouse.customer_rfm.monetary_score IS '1 to 5, 5 the fifth with the highest revenue; equal customers have equal scores';
COMMENT ON COLUMN warehouse.customer_rfm.segment IS 'From recency and frequency: champions, loyal, recent, promising, cannot_lose, at_risk, hibernating, lost';

COMMENT ON TABLE warehouse.cohort_retention IS 'Customers by the month of their first purchase, and how many of them bought in each month since';
COMMENT ON COLUMN warehouse.cohort_retention.cohort_month IS 'First day of the business month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_retention.month_number IS 'Months since; 0 is the month of the first purchase';
COMMENT ON COLUMN warehouse.cohort_retention.customers IS 'Customers of the cohort';
COMMENT ON COLUMN warehouse.cohort_retention.active_customers IS 'Those of them who bought in that month';
COMMENT ON COLUMN warehouse.cohort_retention.retention IS 'active_customers / customers';

COMMENT ON TABLE warehouse.model_fits IS 'Parameters of the purchase models, fitted by maximum likelihood to all sales, with their uncertainty; one row per parameter';
COMMENT ON COLUMN warehouse.model_fits.model IS 'bg_nbd (purchase frequency and dropout), nbd (purchase frequency where nobody leaves, tried when bg_nbd has no maximum) or gamma_gamma (value of a purchase)';
COMMENT ON COLUMN warehouse.model_fits.parameter IS 'Name of the parameter in the paper of the model; time in days, money in the currency of the shop';
COMMENT ON COLUMN warehouse.model_fits.as_of IS 'Latest sale of the shop: the end of observation';
COMMENT ON COLUMN warehouse.model_fits.version IS 'Names the estimates; predictions carry it. Null without a fit';
COMMENT ON COLUMN warehouse.model_fits.outcome IS 'converged, or why there are no estimates: no_repeat_purchases, too_few_patterns, equal_spending, boundary, stalled';
COMMENT ON COLUMN warehouse.model_fits.customers IS 'Customers the likelihood was taken over';
COMMENT ON COLUMN warehouse.model_fits.estimate IS 'Maximum likelihood estimate, ten significant digits';
COMMENT ON COLUMN warehouse.model_fits.standard_error IS 'From the inverse of the observed information';
COMMENT ON COLUMN warehouse.model_fits.lower_95 IS 'Lower end of the 95 % confidence interval';
COMMENT ON COLUMN warehouse.model_fits.upper_95 IS 'Upper end of the 95 % confidence interval';
COMMENT ON COLUMN warehouse.model_fits.log_likelihood IS 'At the estimates';
COMMENT ON COLUMN warehouse.model_fits.iterations IS 'Steps of the search';
COMMENT ON COLUMN warehouse.model_fits.gradient_norm IS 'Largest component of the gradient over log-parameters where the search ended';

COMMENT ON TABLE warehouse.customer_lifetime_prediction IS 'What BG/NBD and Gamma-Gamma expect of each customer who ever bought; null where model_fits has no estimates';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.customer_id IS 'Customer number';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.as_of IS 'Latest sale of the shop: predictions begin after this day';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.repeat_purchases IS 'Business days with a purchase after the first one';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.recency_days IS 'Days from the first to the latest purchase';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.age_days IS 'Days from the first purchase to as_of';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.probability_alive IS 'Probability that the customer has not left for good; 1 for everybody without repeat purchases, by the model';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.expected_purchases_90d IS 'Expected purchase days in the 90 days after as_of';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.expected_purchases_365d IS 'Expected purchase days in the 365 days after as_of';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.expected_purchase_value IS 'Expected amount of a purchase day';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.predicted_value IS 'Expected revenue of the next twelve months of 30 days, discounted by 1 % a month';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.frequency_version IS 'Version of the bg_nbd or nbd fit in model_fits';
COMMENT ON COLUMN warehouse.customer_lifetime_prediction.spending_version IS 'Version of the gamma_gamma fit in model_fits';

COMMENT ON TABLE warehouse.product_pairs IS 'Products bought together: one row per two products that share enough baskets (a customer''s purchases of a business day)';
COMMENT ON COLUMN warehouse.product_pairs.product_id IS 'Product with the lower number';
COMMENT ON COLUMN warehouse.product_pairs.other_product_id IS 'Product with the higher number';
COMMENT ON COLUMN warehouse.product_pairs.baskets IS 'Baskets with both, at least recommendations.minimum_baskets';
COMMENT ON COLUMN warehouse.product_pairs.product_baskets IS 'Baskets with product_id';
COMMENT ON COLUMN warehouse.product_pairs.other_baskets IS 'Baskets with other_product_id';
COMMENT ON COLUMN warehouse.product_pairs.support IS 'baskets / all baskets';
COMMENT ON COLUMN warehouse.product_pairs.confidence IS 'baskets / product_baskets: how often the other one comes along';
COMMENT ON COLUMN warehouse.product_pairs.other_confidence IS 'baskets / other_baskets';
COMMENT ON COLUMN warehouse.product_pairs.lift IS 'How many times more often than if both were independent';

COMMENT ON TABLE warehouse.product_similarity IS 'The products most similar to each, from baskets and from sessions';
COMMENT ON COLUMN warehouse.product_similarity.product_id IS 'Product number';
COMMENT ON COLUMN warehouse.product_similarity.source IS 'basket: bought by one customer on one business day; session: met in one visit of the latest recommendations.session_days';
COMMENT ON COLUMN warehouse.product_similarity.rank IS '1 is the most similar; at most recommendations.top. Equal scores are ordered by product number';
COMMENT ON COLUMN warehouse.product_similarity.similar_product_id IS 'Number of the similar product';
COMMENT ON COLUMN warehouse.product_similarity.together IS 'Baskets or sessions with both, at least recommendations.minimum_baskets';
COMMENT ON COLUMN warehouse.product_similarity.cosine IS 'together / sqrt(baskets with one x baskets with the other)';
COMMENT ON COLUMN warehouse.product_similarity.jaccard IS 'together / baskets with either';
