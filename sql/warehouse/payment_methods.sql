-- Payment methods that no fact had so far become members of their dimension.
INSERT INTO warehouse.dim_payment_method (payment_method)
SELECT m.name FROM core.payment_methods AS m
WHERE NOT EXISTS (SELECT FROM warehouse.dim_payment_method AS d WHERE d.payment_method = m.name)
ORDER BY m.payment_method_id;
