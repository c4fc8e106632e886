"""Tables with defects and awkward tables, each with the expectations that fit its columns."""

import random

COUNTRIES = ["DE", "FR", "US", "JP"]


def column(name, kind, values):
    return {"name": name, "type": kind, "values": values}


def expect(name, **kwargs):
    return {"type": f"expect_{name}", "kwargs": kwargs}


def about_any(name):
    """Expectations that columns of every type have."""
    return [
        expect("column_to_exist", column=name),
        expect("column_to_exist", column=name, column_index=1),
        expect("column_values_to_not_be_null", column=name),
        expect("column_values_to_not_be_null", column=name, mostly=0.7),
        expect("column_values_to_be_null", column=name),
        expect("column_values_to_be_null", column=name, mostly=0.1),
        expect("column_values_to_be_unique", column=name),
        expect("column_values_to_be_unique", column=name, mostly=0.5),
        expect("column_unique_value_count_to_be_between", column=name, min_value=1, max_value=5),
        expect("column_unique_value_count_to_be_between", column=name, min_value=6),
        expect("column_proportion_of_unique_values_to_be_between", column=name, min_value=0.5),
        expect("column_proportion_of_unique_values_to_be_between", column=name, max_value=0.5),
        expect("column_proportion_of_non_null_values_to_be_between", column=name, min_value=0.9),
    ]


def about_numbers(name, low, high):
    """Expectations of a column of numbers; `low` and `high` lie inside its values."""
    between = [
        expect("column_values_to_be_between", column=name, **bounds)
        for bounds in [
            {"min_value": low, "max_value": high},
            {"min_value": low, "max_value": high, "mostly": 0.5},
            {"min_value": low, "strict_min": True},
            {"max_value": high, "strict_max": True},
            {"min_value": low, "max_value": high, "strict_min": True, "strict_max": True},
            {"min_value": low + 0.5},
        ]
    ]
    aggregates = [
        expect(f"column_{what}_to_be_between", column=name, **bounds)
        for what in ["min", "max", "mean", "median", "stdev", "sum"]
        for bounds in [{"min_value": low, "max_value": high}, {"min_value": low}, {"max_value": high}]
    ]
    return between + aggregates + [
        expect("column_values_to_be_in_set", column=name, value_set=[low, high, 7]),
        expect("column_values_to_not_be_in_set", column=name, value_set=[low, high]),
        expect("column_distinct_values_to_be_in_set", column=name, value_set=[low, high, 7]),
        expect("column_distinct_values_to_contain_set", column=name, value_set=[low, high]),
        expect("column_distinct_values_to_equal_set", column=name, value_set=[low, high]),
        expect("column_most_common_value_to_be_in_set", column=name, value_set=[low, high]),
        expect("column_most_common_value_to_be_in_set", column=name, value_set=[low], ties_okay=True),
        expect("column_values_to_be_increasing", column=name),
        expect("column_values_to_be_increasing", column=name, strictly=True),
        expect("column_values_to_be_decreasing", column=name),
        expect("column_values_to_be_decreasing", column=name, strictly=True, mostly=0.4),
        expect("column_value_z_scores_to_be_less_than", column=name, threshold=1.5, double_sided=True),
        expect("column_value_z_scores_to_be_less_than", column=name, threshold=1, double_sided=False),
        expect("column_values_to_not_be_outliers", column=name),
        expect("column_values_to_not_be_outliers", column=name, method="std", multiplier=1),
        expect(
            "column_quantile_values_to_be_between",
            column=name,
            quantile_ranges={
                "quantiles": [0, 0.1, 0.25, 0.5, 0.9, 1],
                "value_ranges": [[None, low], [low, high], [low, None], [low, high], [low, high], [high, None]],
            },
        ),
        expect(
            "column_quantile_values_to_be_between",
            column=name,
            quantile_ranges={"quantiles": [0.33], "value_ranges": [[low, high]]},
            allow_relative_error="linear",
        ),
        expect(
            "column_kl_divergence_to_be_less_than",
            column=name,
            partition_object={"bins": [low - 1, low, high, high + 1], "weights": [0.25, 0.5, 0.25]},
            threshold=0.5,
            tail_weight_holdout=0.1,
        ),
    ]


def about_texts(name, values):
    """Expectations of a column of texts; `values` are some of its values."""
    return [
        expect("column_values_to_be_in_set", column=name, value_set=values),
        expect("column_values_to_be_in_set", column=name, value_set=values, mostly=0.3),
        expect("column_values_to_not_be_in_set", column=name, value_set=values[:1]),
        expect("column_values_to_match_regex", column=name, regex="^[A-Za-z]+$"),
        expect("column_values_to_match_regex", column=name, regex="a", mostly=0.3),
        expect("column_values_to_not_match_regex", column=name, regex="\\d"),
        expect("column_values_to_match_regex_list", column=name, regex_list=["a", "e"]),
        expect("column_values_to_match_regex_list", column=name, regex_list=["a", "e"], match_on="all"),
        expect("column_values_to_not_match_regex_list", column=name, regex_list=["@", "\\d"]),
        expect("column_value_lengths_to_be_between", column=name, min_value=2, max_value=5),
        expect("column_value_lengths_to_be_between", column=name, min_value=2, strict_min=True),
        expect("column_value_lengths_to_be_between", column=name, max_value=5, strict_max=True),
        expect("column_value_lengths_to_equal", column=name, value=2),
        expect("column_values_to_match_strftime_format", column=name, strftime_format="%Y-%m-%d"),
        expect("column_values_to_be_dateutil_parseable", column=name),
        expect("column_values_to_be_json_parseable", column=name),
        expect("column_distinct_values_to_be_in_set", column=name, value_set=values),
        expect("column_distinct_values_to_contain_set", column=name, value_set=values + ["absent"]),
        expect("column_distinct_values_to_equal_set", column=name, value_set=values),
        expect("column_most_common_value_to_be_in_set", column=name, value_set=values),
        expect("column_values_to_be_of_type", column=name, type_="str"),
        expect("column_values_to_be_of_type", column=name, type_="int64"),
        expect(
            "column_kl_divergence_to_be_less_than",
            column=name,
            partition_object={"values": values, "weights": [1 / len(values)] * len(values)},
            threshold=0.2,
            tail_weight_holdout=0.01,
        ),
    ]


def about_table(columns):
    names = [c["name"] for c in columns]
    return [
        expect("table_row_count_to_be_between", min_value=1, max_value=1000),
        expect("table_row_count_to_be_between", min_value=5, max_value=8),
        expect("table_row_count_to_equal", value=12),
        expect("table_column_count_to_equal", value=len(names)),
        expect("table_column_count_to_be_between", min_value=len(names) + 1),
        expect("table_columns_to_match_ordered_list", column_list=names),
        expect("table_columns_to_match_ordered_list", column_list=names[::-1]),
        expect("table_columns_to_match_set", column_set=names[::-1]),
        expect("table_columns_to_match_set", column_set=names + ["absent"]),
        expect("table_columns_to_match_set", column_set=names[:1], exact_match=False),
    ]


def about_records(a, b):
    """Expectations of two columns of numbers."""
    found = []
    for ignore in ["both_values_are_missing", "either_value_is_missing", "neither"]:
        pair = {"column_A": a, "column_B": b, "ignore_row_if": ignore}
        found += [
            expect("column_pair_values_to_be_equal", **pair),
            expect("column_pair_values_a_to_be_greater_than_b", **pair),
            expect("column_pair_values_a_to_be_greater_than_b", **pair, or_equal=True, mostly=0.4),
            expect("column_pair_values_to_be_in_set", **pair, value_pairs_set=[[1, 2], [3, 3]]),
        ]
    for ignore in ["all_values_are_missing", "any_value_is_missing", "never"]:
        many = {"column_list": [a, b], "ignore_row_if": ignore}
        found += [
            expect("compound_columns_to_be_unique", **many),
            expect("select_column_values_to_be_unique_within_record", **many),
            expect("multicolumn_values_to_be_equal", **many),
            expect("multicolumn_sum_to_equal", **many, sum_total=6),
        ]
    return found


def under_conditions(name, conditions):
    found = []
    for condition in conditions:
        where = {"row_condition": condition, "condition_parser": "pandas"}
        found += [
            expect("column_values_to_not_be_null", column=name, **where),
            expect("column_values_to_be_between", column=name, min_value=2, max_value=4, **where),
            expect("column_values_to_be_unique", column=name, **where),
            expect("column_mean_to_be_between", column=name, min_value=0, max_value=100, **where),
            expect("table_row_count_to_be_between", min_value=3, **where),
        ]
    return found


def case(name, columns, expectations):
    return {"case": name, "columns": columns, "expectations": about_table(columns) + expectations}


def all_cases():
    yield orders()
    yield texts()
    yield records()
    yield dates()
    for name, length in [("empty", 0), ("one_row", 1)]:
        columns = [
            column("n", "int", [3] * length),
            column("f", "float", [2.5] * length),
            column("t", "text", ["abc"] * length),
        ]
        yield case(
            name,
            columns,
            about_any("n") + about_numbers("n", 1, 5) + about_numbers("f", 1, 5)
            + about_any("t") + about_texts("t", ["abc"]) + about_records("n", "f"),
        )
    columns = [column("f", "float", [None] * 6), column("t", "text", [None] * 6)]
    yield case(
        "all_null",
        columns,
        about_any("f") + about_numbers("f", 1, 5) + about_any("t") + about_texts("t", ["a"]),
    )
    huge = [2**63 - 1, -(2**63), 2**63 - 2, 2**53, 2**53 + 1, 2**53 + 1, 0]
    unsigned = [2**64 - 1, 2**64 - 2, 2**63, 0, 1, 1, 2**53 + 1]
    columns = [column("n", "int", huge), column("u", "uint64", unsigned)]
    yield case(
        "huge_integers",
        columns,
        about_any("n") + about_any("u") + [
            expect("column_values_to_be_between", column="n", min_value=0, max_value=2**63 - 2),
            expect("column_values_to_be_between", column="n", min_value=2**53 + 1),
            expect("column_values_to_be_in_set", column="n", value_set=[2**53 + 1, 2**63 - 1]),
            expect("column_min_to_be_between", column="n", min_value=-(2**63), max_value=0),
            expect("column_max_to_be_between", column="n", max_value=2**63 - 2),
            expect("column_values_to_be_between", column="u", max_value=2**64 - 2),
            expect("column_max_to_be_between", column="u", min_value=2**64 - 1),
            expect("column_values_to_match_regex", column="u", regex="^1"),
            expect("column_value_lengths_to_be_between", column="n", max_value=18),
        ],
    )
    yield random_case(random.Random(1), "random_1")
    yield random_case(random.Random(2), "random_2")


def orders():
    quantity = [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 0, -2]
    price = [1.5, None, 2.25, "NaN", 0.1, 100.0, 7.0, None, 2.25, -3.5, 0.3, "Infinity"]
    amount = [1.5, None, 2.25, 8.0, 0.1, 100.0, 7.0, None, 2.25, -3.5, 0.3, 0.0]
    points = [1, 2, 3, None, 5, 7, 11, 13, None, 19, 23, 29]
    columns = [
        column("quantity", "int", quantity),
        column("price", "float", price),
        column("amount", "float", amount),
        column("points", "int", points),
        column("paid", "bool", [True, False, True, True] * 3),
    ]
    finite = [e for e in about_numbers("price", 1, 7) if "sum" not in e["type"]]
    conditions = [
        "quantity > 1", "price == 2.25", "price != 2.25", "quantity in [1, 5]", "not paid",
        "quantity > 1 and (price < 5 or points >= 7)", "price.isnull()", "quantity > 1000",
    ]
    conditions.remove("not paid")
    return case(
        "orders",
        columns,
        about_any("quantity") + about_numbers("quantity", 1, 5)
        + about_any("price") + finite + about_any("amount") + about_numbers("amount", 1, 7)
        + about_any("points") + about_numbers("points", 2, 19)
        + about_any("paid") + [expect("column_values_to_be_in_set", column="paid", value_set=[True])]
        + under_conditions("quantity", conditions) + under_conditions("price", conditions)
        + [
            expect("column_values_to_be_of_type", column="quantity", type_="int64"),
            expect("column_values_to_be_of_type", column="quantity", type_="float64"),
            expect("column_values_to_be_in_type_list", column="quantity", type_list=["str", "int64"]),
            expect("column_values_to_match_regex", column="quantity", regex="^\\d$"),
            expect("column_value_lengths_to_equal", column="quantity", value=1),
            expect("column_values_to_match_regex", column="amount", regex="^\\d+\\.\\d$"),
        ],
    )


def texts():
    names = ["Ann", "Bob", None, "Ann", "über", "日本語", "", " ", "a\nb", "O'Hara", "x" * 30, "2024-02-30"]
    mixed = ["2024-01-15", "2024-02-29", "2023-02-29", "15 Jan 2024", "1/2/2024", "{\"a\": 1}", "[1,", "null",
             "12:30", "hello", None, "😀"]
    country = ["DE", "FR", "DE", None, "XX", "us", "DE", "FR", "JP", "DE", "FR", "JP"]
    columns = [
        column("name", "text", names),
        column("mixed", "text", mixed),
        column("country", "text", country),
    ]
    return case(
        "texts",
        columns,
        about_any("name") + about_texts("name", ["Ann", "über", "日本語"])
        + about_any("mixed") + about_texts("mixed", ["hello", "null"])
        + about_any("country") + about_texts("country", COUNTRIES)
        + [
            expect("column_min_to_be_between", column="country", min_value="A", max_value="E"),
            expect("column_max_to_be_between", column="country", max_value="ZZ"),
            expect("column_values_to_be_between", column="country", min_value="DE", max_value="JP"),
            expect("column_pair_values_to_be_equal", column_A="name", column_B="mixed"),
            expect("column_pair_values_to_be_in_set", column_A="name", column_B="country",
                   value_pairs_set=[["Ann", "DE"], [None, "DE"], ["über", "XX"]]),
            expect("compound_columns_to_be_unique", column_list=["name", "country"]),
            expect("column_values_to_not_be_null", column="name", row_condition="country == 'DE'",
                   condition_parser="pandas"),
            expect("column_value_lengths_to_equal", column="mixed", value=5,
                   row_condition="country in ['FR', \"JP\"] and name.notnull()", condition_parser="pandas"),
        ],
    )


def records():
    a = [1, 2, 3, None, 5, None, 3, 1, 4, 4, 1, 3]
    b = [2, 2, 3, 4, None, None, 3, 2, 2, 5, 2, None]
    columns = [column("a", "int", a), column("b", "int", b)]
    return case("records", columns, about_records("a", "b") + about_records("b", "a"))


def dates():
    at = ["2024-01-01T00:00:00", "2024-01-02T12:30:00", None, "2024-01-02T12:30:00",
          "2023-12-31T23:59:59.500000", "2025-01-01T00:00:00"]
    columns = [column("at", "timestamp", at)]
    return case(
        "dates",
        columns,
        about_any("at") + [
            expect("column_values_to_be_between", column="at", min_value="2024-01-01", max_value="2024-12-31"),
            expect("column_values_to_be_between", column="at", min_value="2024-01-01T00:00:00", strict_min=True),
            expect("column_min_to_be_between", column="at", min_value="2023-12-31"),
            expect("column_max_to_be_between", column="at", max_value="2024-12-31"),
            expect("column_values_to_be_increasing", column="at"),
            expect("column_values_to_be_decreasing", column="at", strictly=True),
        ],
    )


def random_case(rng, name="random"):
    rows = rng.randrange(50, 400)
    defect = rng.choice([0, 0.05, 0.5])

    def values(make):
        return [None if rng.random() < defect else make() for _ in range(rows)]

    whole = [rng.randrange(-20, 60) for _ in range(rows)]
    columns = [
        column("n", "int", whole),
        column("m", "int", values(lambda: rng.randrange(5))),
        column("f", "float", values(lambda: round(rng.gauss(10, 30), rng.randrange(6)))),
        column("t", "text", values(lambda: rng.choice(COUNTRIES + ["ab", "été", "x1", "longer text", "7"]))),
    ]
    return case(
        name,
        columns,
        about_any("n") + about_numbers("n", 1, 20) + about_any("m") + about_numbers("m", 1, 3)
        + about_any("f") + about_numbers("f", -5, 25) + about_any("t") + about_texts("t", COUNTRIES)
        + about_records("n", "m") + under_conditions("m", ["n > 3", "f <= 10 and t != 'DE'"]),
    )
