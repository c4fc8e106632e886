-- Days that no fact had so far become members of the calendar. $1: the days of new facts.
INSERT INTO warehouse.dim_date
SELECT to_char(day, 'YYYYMMDD')::integer, day, extract(year FROM day), extract(quarter FROM day),
       extract(month FROM day), to_char(day, 'FMMonth'), extract(isoyear FROM day),
       extract(week FROM day), extract(day FROM day), extract(isodow FROM day),
       to_char(day, 'FMDay'), extract(isodow FROM day) >= 6
FROM unnest($1::date[]) AS day
WHERE NOT EXISTS (SELECT FROM warehouse.dim_date AS known WHERE known.date = day)
