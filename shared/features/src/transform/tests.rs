use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::value::{Type, Value};

const DAY: i64 = 86_400_000_000;

fn scope() -> Scope {
    let inputs = [
        ("n", Type::Int64),
        ("x", Type::Float64),
        ("name", Type::Text),
        ("is_new", Type::Boolean),
        ("at", Type::Timestamp),
        ("now", Type::Timestamp),
        ("nothing", Type::Float64),
        ("none", Type::Int64),
    ];
    let inputs =
        inputs.map(|(name, kind)| Input { name: name.to_owned(), kind, origin: Origin::Request });
    Scope::new(inputs.to_vec())
}

fn value_of(name: &str) -> Value {
    match name {
        "n" => Value::Int64(7),
        "x" => Value::Float64(2.5),
        "name" => Value::Text("it's".to_owned()),
        "is_new" => Value::Boolean(true),
        "at" => Value::Timestamp(DAY),
        "now" => Value::Timestamp(4 * DAY),
        _ => Value::Null,
    }
}

fn check(text: &str, kind: Type) -> Result<(Typed, Vec<Input>), String> {
    let mut scope = scope();
    let expression = Expression::parse(text)?;
    let typed = Typed::check(&expression, kind, &mut scope);
    Ok((typed.map_err(|problems| problems.join("; "))?, scope.named().to_vec()))
}

fn evaluate(text: &str, kind: Type) -> Value {
    let (typed, inputs) = check(text, kind).unwrap_or_else(|problem| panic!("{text}: {problem}"));
    let row: Vec<Value> = inputs.iter().map(|input| value_of(&input.name)).collect();
    typed.evaluate(&row)
}

#[test]
fn numbers() {
    for (text, expected) in [
        ("1 + 2 * 3 - -4", 11),
        ("(1 + 2) * 3", 9),
        ("10 - 3 - 2", 5),
        ("-n", -7),
        ("-(2)", -2),
        ("abs(-3)", 3),
        ("round(2.5)", 3),
        ("round(-2.5)", -3),
        ("round(n)", 7),
        ("least(3, n, 5)", 3),
        ("greatest(3, n)", 7),
        ("coalesce(none, n)", 7),
        ("if(n > 5, 1, 0)", 1),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(evaluate(text, Type::Int64), Value::Int64(expected), "{text}");
    }
    for (text, expected) in [
        ("n / 2", 3.5),
        ("n * x", 17.5),
        ("n", 7.0),
        ("1e3 + .5e0", f64::NAN),
        ("round(2.345, 2)", 2.35),
        ("least(n, x)", 2.5),
        ("coalesce(nothing, 0)", 0.0),
        ("exp(0)", 1.0),
        ("ln(exp(1.0))", 1.0),
        ("days(now - at)", 3.0),
        ("hours(now - at) / 24", 3.0),
        ("days((now - at) + (now - at))", 6.0),
        ("days(-(now - at))", -3.0),
    ] {
        if expected.is_nan() {
            assert!(check(text, Type::Float64).is_err(), "{text}");
        } else {
            assert_eq!(evaluate(text, Type::Float64), Value::Float64(expected), "{text}");
        }
    }
    assert_eq!(evaluate("now + (now - at)", Type::Timestamp), Value::Timestamp(7 * DAY));
    assert_eq!(evaluate("(now - at) + at", Type::Timestamp), Value::Timestamp(4 * DAY));
    assert_eq!(evaluate("greatest(at, now)", Type::Timestamp), Value::Timestamp(4 * DAY));
}

#[test]
fn conditions() {
    for (text, expected) in [
        ("n = 7 and not (x < 2)", true),
        ("not n = 7 or x >= 2.5", true),
        ("n != 7", false),
        ("name = 'it''s'", true),
        ("is_new = false", false),
        ("at < now", true),
        ("now - at <= now - at", true),
        ("true and false or true", true),
        ("true or true and false", true),
    ] {
        assert_eq!(evaluate(text, Type::Boolean), Value::Boolean(expected), "{text}");
    }
    assert_eq!(evaluate("if(is_new, name, 'a')", Type::Text), Value::Text("it's".to_owned()));
}

#[test]
fn what_cannot_be_said_is_null() {
    for text in [
        "x / 0",
        "n / (x - 2.5)",
        "nothing + 1",
        "-nothing",
        "ln(0)",
        "ln(-1)",
        "exp(1000)",
        "1e300 * 1e300",
        "least(1.0, nothing)",
        "greatest(nothing, 1.0)",
        "if(nothing > 1, 1.0, 2.0)",
        "abs(nothing)",
        "round(1e300, 9)",
        "coalesce(nothing, nothing)",
    ] {
        assert_eq!(evaluate(text, Type::Float64), Value::Null, "{text}");
    }
    for text in ["9223372036854775807 + n", "-(-9223372036854775808)", "round(1e300)", "none * 2"] {
        assert_eq!(evaluate(text, Type::Int64), Value::Null, "{text}");
    }
    for text in ["none = none", "is_new or none > 1", "not none = 1"] {
        assert_eq!(evaluate(text, Type::Boolean), Value::Null, "{text}");
    }
    // A branch that is not taken says nothing.
    assert_eq!(evaluate("if(is_new, 1, none)", Type::Int64), Value::Int64(1));
    let (typed, _) = check("x", Type::Float64).unwrap();
    assert_eq!(typed.evaluate(&[Value::Float64(f64::NAN)]), Value::Null);
    assert_eq!(typed.evaluate(&[]), Value::Null);
}

#[test]
fn types_are_checked() {
    for (text, kind, problem) in [
        ("n + name", Type::Int64, "there is no int64 + text"),
        ("at + now", Type::Timestamp, "there is no timestamp + timestamp"),
        ("(now - at) - now", Type::Timestamp, "there is no duration - timestamp"),
        ("(now - at) * 2", Type::Float64, "there is no duration * int64"),
        ("name < 'b'", Type::Boolean, "there is no text < text"),
        ("n and is_new", Type::Boolean, "there is no int64 and boolean"),
        ("not n", Type::Boolean, "not takes a boolean, not int64"),
        ("-name", Type::Text, "there is no -text"),
        ("n / 2", Type::Int64, "it gives float64, not int64"),
        ("now - at", Type::Float64, "a duration is no feature"),
        ("if(n, 1, 2)", Type::Int64, "the condition of if is a boolean, not int64"),
        ("if(is_new, 1)", Type::Int64, "if takes a condition and two values"),
        ("if(is_new, 1, 'a')", Type::Int64, "the values of if have different types"),
        ("coalesce()", Type::Int64, "coalesce takes at least one value"),
        ("least(name, name)", Type::Text, "least orders its values, and text has no order"),
        ("days(n)", Type::Float64, "days takes a duration, not int64"),
        ("ln(x, x)", Type::Float64, "ln takes a number and nothing else"),
        ("round(x, n)", Type::Float64, "round takes 0 to 9 digits"),
        ("round(x, 10)", Type::Float64, "round takes 0 to 9 digits"),
        ("nam", Type::Text, "there is no input 'nam'; did you mean 'name'?"),
        ("y + z", Type::Int64, "there is no input 'y'; did you mean 'n'?; there is no input 'z'"),
    ] {
        let error = check(text, kind).unwrap_err();
        assert!(error.starts_with(problem), "{text}: {error}");
    }
}

#[test]
fn what_is_no_expression_is_refused_with_its_place() {
    for (text, problem) in [
        ("", "it ends too early"),
        ("1 +", "it ends too early"),
        ("(1", "')' is missing at the end"),
        ("least(1 2)", "')' is missing before '2)'"),
        ("1 2", "'2' is not expected"),
        ("n ? 1", "'?' is not expected"),
        ("1.", "'1.' is no number"),
        ("7d", "'7d' is no number"),
        ("99999999999999999999", "'99999999999999999999' is too large"),
        ("1e999", "'1e999' is too large"),
        ("'a", "a text has no end"),
        ("1 < 2 < 3", "comparisons in a row need parentheses"),
        ("n = not is_new", "'not' needs parentheses here"),
        ("and 1", "there is nothing before 'and'"),
        ("sum(1)", "there is no function 'sum'; there is if, coalesce"),
        ("cealesce(1)", "there is no function 'cealesce'; did you mean 'coalesce'?"),
    ] {
        let error = Expression::parse(text).unwrap_err();
        assert!(error.starts_with(problem), "{text}: {error}");
    }
    let deep = format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(Expression::parse(&deep).is_err());
    assert!(Expression::parse(&format!("{}1", "(".repeat(5_000))).is_err());
    assert!(Expression::parse(&vec!["1"; 2_000].join("+")).is_err());
    assert!(Expression::parse(&vec!["1"; 200].join("+")).is_ok());
}

#[test]
fn rows_have_the_inputs_that_are_named_once_in_their_order() {
    let (_, inputs) = check("days(now - at) + x + x + days(now - now)", Type::Float64).unwrap();
    let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
    assert_eq!(names, ["now", "at", "x"]);
}

#[test]
fn expressions_are_printed_as_python() {
    let python = |text: &str, kind: Type| {
        let (typed, inputs) = check(text, kind).unwrap();
        typed.python(&inputs)
    };
    let expected = r#"div(days(sub_int(moment(row["now"]), moment(row["at"]))), to_float(7))"#;
    assert_eq!(python("days(now - at) / 7", Type::Float64), expected);
    let expected = r#"choose(eq(text(row["name"]), "it's \"new\""), lambda: neg_int(whole(row["n"])), lambda: 0)"#;
    assert_eq!(python("if(name = 'it''s \"new\"', -n, 0)", Type::Int64), expected);
    let expected = r#"to_timestamp(greatest(moment(row["at"]), moment(row["now"])))"#;
    assert_eq!(python("greatest(at, now)", Type::Timestamp), expected);
    // Everything that is called is there.
    for name in ["div", "days", "sub_int", "moment", "to_float", "choose", "eq", "neg_int"] {
        assert!(
            PRELUDE.contains(&format!("\n{name} =")) || PRELUDE.contains(&format!("def {name}("))
        );
    }
}

fn expressions() -> impl Strategy<Value = Expression> {
    let operators = proptest::sample::select(Operator::ALL.to_vec());
    let functions = proptest::sample::select(Function::ALL.to_vec());
    let leaves = prop_oneof![
        any::<i64>().prop_map(|number| Expression::Literal(Value::Int64(number))),
        any::<f64>()
            .prop_filter("a number", |number| number.is_finite())
            .prop_map(|number| Expression::Literal(Value::Float64(number))),
        any::<bool>().prop_map(|value| Expression::Literal(Value::Boolean(value))),
        "[ -~é\n']{0,6}".prop_map(|text| Expression::Literal(Value::Text(text))),
        "[a-z][a-z0-9_]{0,4}"
            .prop_filter("a name", |name| {
                !["and", "or", "not", "true", "false"].contains(&name.as_str())
            })
            .prop_map(Expression::Name),
    ];
    leaves.prop_recursive(6, 40, 4, move |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Expression::Negate),
            boxed().prop_map(Expression::Not),
            (operators.clone(), boxed(), boxed())
                .prop_map(|(operator, left, right)| Expression::Binary(operator, left, right)),
            (functions.clone(), vec(inner.clone(), 0..4))
                .prop_map(|(function, arguments)| Expression::Call(function, arguments)),
        ]
    })
}

fn bits(value: &Value) -> Option<u64> {
    match value {
        Value::Float64(number) => Some(number.to_bits()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn what_is_printed_is_read_as_the_same(expression in expressions()) {
        let text = expression.to_string();
        let read = Expression::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&expression), "{}", text);
        // Zeros keep their sign.
        if let (Expression::Literal(one), Ok(Expression::Literal(other))) = (&expression, &read) {
            prop_assert_eq!(bits(one), bits(other));
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~é]{0,40}") {
        let _ = Expression::parse(&text);
    }

    #[test]
    fn a_checked_expression_gives_its_type_or_null(
        expression in expressions(),
        number in any::<i64>(),
        float in any::<f64>(),
    ) {
        for kind in Type::ALL {
            let inputs = ('a'..='z').map(|name| {
                let kinds = Type::ALL;
                let kind = kinds[usize::from(name as u8) % kinds.len()];
                Input { name: name.to_string(), kind, origin: Origin::Request }
            });
            let mut scope = Scope::new(inputs.collect());
            let Ok(typed) = Typed::check(&expression, kind, &mut scope) else { continue };
            let row: Vec<Value> = scope.named().iter().map(|input| match input.kind {
                Type::Int64 => Value::Int64(number),
                Type::Float64 => Value::Float64(float),
                Type::Text => Value::Text("a".to_owned()),
                Type::Boolean => Value::Boolean(number > 0),
                Type::Timestamp => Value::Timestamp(number),
            }).collect();
            let value = typed.evaluate(&row);
            let fits = match (&value, kind) {
                (Value::Null, _)
                | (Value::Int64(_), Type::Int64)
                | (Value::Text(_), Type::Text)
                | (Value::Boolean(_), Type::Boolean)
                | (Value::Timestamp(_), Type::Timestamp) => true,
                (Value::Float64(number), Type::Float64) => number.is_finite(),
                _ => false,
            };
            prop_assert!(fits, "{} gave {:?}", expression, value);
        }
    }
}
