-- Which suppliers earn the shop's money, and which are gaining?
-- Theme:     Products
-- Grain:     one row per supplier with at least one line.
-- Reads:     warehouse.supplier_sales
-- Chart:     bars revenue by supplier
-- Columns:   rank                  1 is the supplier with most revenue
--            supplier              supplier of the product at the moment of the sale; 'unknown'
--                                  for lines that are no product, such as postage, and where
--                                  nobody knows it
--            transactions          lines: sales, returns and what was cancelled
--            units                 units sold, less what came back
--            revenue               what was charged, less what came back
--            share_percent         share of all revenue; absent while that is not above zero
--            cumulative_percent    share of this supplier and all before it
--            recent_growth_percent revenue of the three months before the last one with a line
--                                  against the three before those; absent where the revenue to compare
--                                  with is zero or less
-- Notes:     The last month with a line is usually not over yet, so growth leaves it out.
--            Equal revenue: more units first, then the name.
WITH last_line AS (
    SELECT max(month_start) AS month_start FROM warehouse.supplier_sales
), sold AS (
    SELECT
        s.supplier,
        sum(s.transactions) AS transactions,
        sum(s.units) AS units,
        sum(s.revenue) AS revenue,
        coalesce(sum(s.revenue) FILTER (
            WHERE s.month_start >= l.month_start - interval '3 months'
              AND s.month_start < l.month_start), 0) AS recent,
        sum(s.revenue) FILTER (
            WHERE s.month_start >= l.month_start - interval '6 months'
              AND s.month_start < l.month_start - interval '3 months') AS before
    FROM warehouse.supplier_sales AS s
    CROSS JOIN last_line AS l
    GROUP BY s.supplier
)
SELECT
    row_number() OVER best AS rank,
    supplier,
    transactions,
    units,
    revenue,
    round(100 * revenue / nullif(greatest(sum(revenue) OVER (), 0), 0), 2) AS share_percent,
    round(100 * sum(revenue) OVER best / nullif(greatest(sum(revenue) OVER (), 0), 0), 2)
        AS cumulative_percent,
    round(100 * (recent - before) / nullif(greatest(before, 0), 0), 2) AS recent_growth_percent
FROM sold
WINDOW best AS (ORDER BY revenue DESC, units DESC, supplier ROWS UNBOUNDED PRECEDING)
ORDER BY rank;
