"""The two files of the benchmark, and what is expected of each.

"typed": every field is a value of its column's type, so pandas reads numbers and moments. One row in
a hundred breaks an expectation.

"raw text": fields of every kind of defect, among them values of the wrong type, as files have them
that come from elsewhere. pandas reads text then, and the rules of suites/transactions.yaml are
written for text: patterns for numbers and their bounds, a format for moments. The mean of a quantity
is the one rule that texts cannot have.
"""

import random
from pathlib import Path

METHODS = ["apple_pay", "bank_transfer", "credit_card", "debit_card", "gift_card", "paypal"]
COLUMNS = ["id", "customer_id", "product_id", "quantity", "timestamp", "payment_method"]

TYPED_SUITE = """suite: typed
key_columns: [id]
expectations:
- expect_column_values_to_not_be_null: {column: id}
- expect_column_values_to_be_between: {column: id, min_value: 1}
- expect_column_values_to_be_unique: {column: id}
- expect_column_values_to_not_be_null: {column: customer_id}
- expect_column_values_to_be_between: {column: customer_id, min_value: 1}
- expect_column_values_to_be_between: {column: product_id, min_value: 1}
- expect_column_values_to_be_between: {column: quantity, min_value: 1, max_value: 2147483647}
- expect_column_mean_to_be_between: {column: quantity, min_value: 1, max_value: 20}
- expect_column_max_to_be_between: {column: quantity, min_value: 1, max_value: 100}
- expect_column_values_to_not_be_null: {column: timestamp}
- expect_column_values_to_be_between:
    column: timestamp
    min_value: "1900-01-01T00:00:00+00:00"
    max_value: "2101-01-01T00:00:00+00:00"
- expect_column_values_to_not_be_null: {column: payment_method}
- expect_column_values_to_be_in_set:
    column: payment_method
    value_set: [apple_pay, bank_transfer, credit_card, debit_card, gift_card, paypal]
- expect_column_value_lengths_to_be_between: {column: payment_method, min_value: 1, max_value: 20}
"""

RAW_SUITE = """suite: raw text
key_columns: [id]
expectations:
- expect_table_columns_to_match_set:
    column_set: [id, customer_id, product_id, quantity, timestamp, payment_method]
    exact_match: false
- expect_table_row_count_to_be_between: {min_value: 1}
- expect_column_values_to_not_be_null: {column: id}
- expect_column_values_to_match_regex: {column: id, regex: '^-?[0-9]{1,18}$'}
- expect_column_values_to_not_match_regex: {column: id, regex: '^(-|0+$)'}
- expect_column_values_to_be_unique: {column: id}
- expect_column_values_to_not_be_null: {column: customer_id}
- expect_column_values_to_match_regex: {column: customer_id, regex: '^0*[1-9][0-9]{0,17}$'}
- expect_column_values_to_not_be_null: {column: product_id}
- expect_column_values_to_match_regex: {column: product_id, regex: '^0*[1-9][0-9]{0,17}$'}
- expect_column_values_to_not_be_null: {column: quantity}
- expect_column_values_to_match_regex:
    column: quantity
    regex: '^0*(?:[1-9][0-9]{0,8}|1[0-9]{9}|20[0-9]{8}|21[0-3][0-9]{7}|214[0-6][0-9]{6}|2147[0-3][0-9]{5}|21474[0-7][0-9]{4}|214748[0-2][0-9]{3}|2147483[0-5][0-9]{2}|21474836[0-3][0-9]|214748364[0-7])$'
- expect_column_values_to_not_be_null: {column: timestamp}
- expect_column_value_lengths_to_be_between: {column: timestamp, min_value: 20, max_value: 32}
- expect_column_values_to_match_strftime_format: {column: timestamp, strftime_format: '%Y-%m-%dT%H:%M:%S%z'}
- expect_column_values_to_match_regex: {column: timestamp, regex: '^(?:19[0-9]{2}|20[0-9]{2}|2100)-'}
- expect_column_values_to_not_be_null: {column: payment_method}
- expect_column_value_lengths_to_be_between: {column: payment_method, min_value: 1, max_value: 20}
- expect_column_values_to_be_in_set:
    column: payment_method
    value_set: [apple_pay, bank_transfer, credit_card, debit_card, gift_card, paypal]
- expect_column_distinct_values_to_contain_set: {column: payment_method, value_set: [credit_card]}
"""

# Column and field; `previous` stands for the id of the row before.
TYPED_DEFECTS = [("quantity", "-1"), ("product_id", "0"), ("payment_method", "barter"), ("id", "previous")]
RAW_DEFECTS = [
    ("id", ""), ("id", "abc"), ("id", "-5"), ("id", "previous"),
    ("customer_id", ""), ("customer_id", "0"), ("customer_id", "12.5"), ("customer_id", "C-17"),
    ("product_id", ""), ("product_id", "-3"), ("product_id", "12 345"),
    ("quantity", ""), ("quantity", "0"), ("quantity", "abc"), ("quantity", "1e3"), ("quantity", "2147483648"),
    ("timestamp", ""), ("timestamp", "2025-13-45"), ("timestamp", "2025-02-30T10:00:00Z"),
    ("timestamp", "2025-03-01 10:00:00"), ("timestamp", "1825-03-01T10:00:00Z"), ("timestamp", "yesterday"),
    ("payment_method", ""), ("payment_method", "PayPal"), ("payment_method", "überweisung"),
    ("payment_method", '"cash, coins"'), ("payment_method", "x" * 30),
]


def write(path: Path, rows: int, defects: list[tuple[str, str]]) -> None:
    """Rows in id order; every hundredth has the next of the defects."""
    rng = random.Random(42)
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(COLUMNS) + "\n")
        for row in range(1, rows + 1):
            fields = [str(row), str(rng.randint(1, 1_000_000)), str(rng.randint(1, 50_000)), str(rng.randint(1, 9)),
                      f"2025-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:30:15Z",
                      rng.choice(METHODS)]
            if row % 100 == 0:
                column, field = defects[row // 100 % len(defects)]
                fields[COLUMNS.index(column)] = str(row - 1) if field == "previous" else field
            file.write(",".join(fields) + "\n")
