-- What does each category contribute, and is that changing?
-- Theme:     Products
-- Grain:     one row per category with at least one line.
-- Reads:     warehouse.category_sales
-- Chart:     bars share_percent by category
-- Columns:   category              category of the product at the moment of the sale; 'unknown'
--                                  for lines that are no product, such as postage, and while
--                                  the product is an inferred member
--            transactions          lines: sales, returns and what was cancelled
--            units                 units sold, less what came back
--            revenue               what was charged, less what came back
--            share_percent         share of all revenue; absent while that is not above zero
--            recent_share_percent  share of the revenue of the last month with a line and the two
--                                  before it; absent while that is not above zero
--            change_points         recent share less share, in percentage points
WITH last_line AS (
    SELECT max(month_start) AS month_start FROM warehouse.category_sales
), mix AS (
    SELECT
        s.category,
        sum(s.transactions) AS transactions,
        sum(s.units) AS units,
        sum(s.revenue) AS revenue,
        coalesce(sum(s.revenue) FILTER (
            WHERE s.month_start > l.month_start - interval '3 months'), 0.00) AS recent
    FROM warehouse.category_sales AS s
    CROSS JOIN last_line AS l
    GROUP BY s.category
), shares AS (
    SELECT
        mix.*,
        100 * revenue / nullif(greatest(sum(revenue) OVER (), 0), 0) AS share,
        100 * recent / nullif(greatest(sum(recent) OVER (), 0), 0) AS recent_share
    FROM mix
)
SELECT
    category,
    transactions,
    units,
    revenue,
    round(share, 2) AS share_percent,
    round(recent_share, 2) AS recent_share_percent,
    round(recent_share - share, 2) AS change_points
FROM shares
ORDER BY revenue DESC, category;
