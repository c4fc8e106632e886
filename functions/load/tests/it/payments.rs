//! Payments: an entity without a dimension, whose methods are those of sales.

use shopflow_core::Dataset;
use shopflow_postgres::locks;

use crate::faults::backend;
use crate::world::{World, at, counts};

const HEADER: &str =
    "id,order_id,sequence,payment_method,amount,currency,payment_date,natural_key\n";

const METHODS: &str = "SELECT p.id, m.name AS method FROM core.payments p \
    LEFT JOIN core.payment_methods m USING (payment_method_id) ORDER BY p.id";

fn sale(method: &str) -> String {
    format!(
        "id,quantity,timestamp,unit_price,payment_method\n\
         1,1,2026-01-03T10:00:00Z,9.50,{method}\n"
    )
}

#[tokio::test]
async fn payments_arrive_with_their_keys_and_what_was_paid_back() {
    let world = World::new().await;
    let file = format!(
        "{HEADER}5000000000000000001,A-007,,paypal,19.9,EUR,2026-01-03,PAY-1\n\
         5000000000000000002,A-007,2,paypal,-99999999.99,usd,2026-01-04,A-007/2\n\
         3,A-008,,,-0.0001,,,\n"
    );
    let result = world.load_file("r1", Dataset::Payments, &at("01"), &file).await.unwrap();
    assert_eq!(counts(&result), [3, 0, 0, 0]);
    let stored = |table: &str| {
        format!(
            "SELECT order_id AS of, sequence AS no, amount::text AS paid, currency AS in, \
                 payment_date AS on, natural_key AS key FROM core.{table} ORDER BY id"
        )
    };
    let expected = [
        r#"{"of":"A-008","no":null,"paid":"-0.0001","in":null,"on":null,"key":null}"#,
        r#"{"of":"A-007","no":null,"paid":"19.9000","in":"EUR","on":"2026-01-03","key":"PAY-1"}"#,
        r#"{"of":"A-007","no":2,"paid":"-99999999.9900","in":"USD","on":"2026-01-04","key":"A-007/2"}"#,
    ];
    assert_eq!(world.lines(&stored("payments")).await, expected);
    assert_eq!(world.lines(&stored("payment_history")).await, expected);
    let again = file.replace(",19.9,", ",+19.90,").replace("usd", "USD").replace(",2,", ",+2,");
    let result = world.load_file("r2", Dataset::Payments, &at("02"), &again).await.unwrap();
    assert_eq!(counts(&result), [0, 0, 3, 0]);
    // A dimension, or a date, has nothing to follow.
    for marks in ["dirty_entities", "dirty_dates"] {
        assert_eq!(world.number(&format!("SELECT count(*) FROM ops.{marks}")).await, 0, "{marks}");
    }
}

#[tokio::test]
async fn a_corrected_payment_is_updated_and_a_late_one_only_kept() {
    let world = World::new().await;
    let of = |amount: &str, method: &str| format!("{HEADER}1,A-1,,{method},{amount},,,\n");
    for (run, hour, file, expected) in [
        ("r1", "02", of("10", "paypal"), [1, 0, 0, 0]),
        ("r2", "03", of("12", "klarna"), [0, 1, 0, 0]),
        ("r3", "01", of("9", ""), [0, 0, 1, 0]),
    ] {
        let result = world.load_file(run, Dataset::Payments, &at(hour), &file).await.unwrap();
        assert_eq!(counts(&result), expected, "{run}");
    }
    assert_eq!(world.lines(METHODS).await, [r#"{"id":1,"method":"klarna"}"#]);
    let history = "SELECT amount::text, payment_method AS method FROM core.payment_history \
                   ORDER BY effective_at";
    assert_eq!(
        world.lines(history).await,
        [
            r#"{"amount":"9.0000","method":null}"#,
            r#"{"amount":"10.0000","method":"paypal"}"#,
            r#"{"amount":"12.0000","method":"klarna"}"#,
        ]
    );
}

#[tokio::test]
async fn a_new_payment_method_gets_one_key_whoever_names_it_first() {
    let world = World::new().await;
    let payments = format!("{HEADER}1,A-1,,klarna,1,,,\n2,A-1,,twint,1,,,\n3,A-1,,klarna,1,,,\n");
    world.load_file("r1", Dataset::Payments, &at("01"), &payments).await.unwrap();
    world.load_file("r2", Dataset::Transactions, &at("01"), &sale("twint")).await.unwrap();
    world.load_file("r3", Dataset::Transactions, &at("02"), &sale("cheque")).await.unwrap();
    let payments = format!("{HEADER}4,A-1,,cheque,1,,,\n5,A-1,,Gift voucher,1,,,\n");
    world.load_file("r4", Dataset::Payments, &at("02"), &payments).await.unwrap();
    world.load_file("r5", Dataset::Transactions, &at("03"), &sale("Gift voucher")).await.unwrap();
    assert_eq!(
        world.lines(METHODS).await,
        [
            r#"{"id":1,"method":"klarna"}"#,
            r#"{"id":2,"method":"twint"}"#,
            r#"{"id":3,"method":"klarna"}"#,
            r#"{"id":4,"method":"cheque"}"#,
            r#"{"id":5,"method":"Gift voucher"}"#,
        ]
    );
    let sold = "SELECT m.name FROM core.transactions JOIN core.payment_methods m \
                USING (payment_method_id)";
    assert_eq!(world.lines(sold).await, [r#"{"name":"Gift voucher"}"#]);
}

#[tokio::test]
async fn payments_wait_for_the_names_that_a_load_of_sales_brings() {
    let world = World::new().await;
    let lock = locks::LOAD + Dataset::Transactions.position() as i64;
    let begin = format!("BEGIN; SELECT pg_advisory_xact_lock({lock})");
    world.sql.batch_execute(&begin).await.unwrap();
    let file = format!("{HEADER}1,A-1,,klarna,1,,,\n");
    let first = at("01");
    let load = world.load_file("r1", Dataset::Payments, &first, &file);
    let sale = async {
        backend(&world, "wait_event_type = 'Lock'").await;
        let add = "INSERT INTO core.payment_methods (name) VALUES ('klarna'); COMMIT";
        world.sql.batch_execute(add).await.unwrap();
    };
    let (result, ()) = tokio::join!(load, sale);
    assert_eq!(counts(&result.unwrap()), [1, 0, 0, 0]);
    assert_eq!(world.lines(METHODS).await, [r#"{"id":1,"method":"klarna"}"#]);
}
