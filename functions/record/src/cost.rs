//! What a run costs in Lambda time and state transitions, as an estimate.
//!
//! Not included: S3, RDS, CloudWatch and the free tier. Prices are those of the AWS price list for
//! us-east-1 as of 2025; see the pricing pages of AWS Lambda and AWS Step Functions.

use serde::{Deserialize, Serialize};
use shopflow_core::contract::Usage;

/// US dollars per gigabyte-second of a Lambda function on arm64, first tier.
pub const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// US dollars per Lambda request.
pub const LAMBDA_REQUEST: f64 = 0.20 / 1_000_000.0;
/// US dollars per state transition of a standard workflow.
pub const STATE_TRANSITION: f64 = 0.025 / 1000.0;

/// Each call is a task state, and about every second one comes with a choice, a map or a map's
/// own start; together with the fixed states of a run this is near what executions show.
const TRANSITIONS_PER_CALL: f64 = 1.5;
const FIXED_TRANSITIONS: f64 = 10.0;

/// Estimated cost of a run in US dollars, rounded to millionths.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub lambda_usd: f64,
    pub step_functions_usd: f64,
    pub total_usd: f64,
}

/// Adds up the calls of a run.
pub fn cost(usage: &[Usage]) -> Cost {
    let gb_seconds: f64 = usage
        .iter()
        .map(|call| call.duration_ms as f64 / 1000.0 * (call.memory_mb as f64 / 1024.0))
        .sum();
    let calls = usage.len() as f64;
    let lambda = gb_seconds * LAMBDA_GB_SECOND + calls * LAMBDA_REQUEST;
    let steps = (FIXED_TRANSITIONS + calls * TRANSITIONS_PER_CALL) * STATE_TRANSITION;
    Cost {
        lambda_usd: rounded(lambda),
        step_functions_usd: rounded(steps),
        total_usd: rounded(lambda + steps),
    }
}

fn rounded(usd: f64) -> f64 {
    (usd * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(duration_ms: u64, memory_mb: u64) -> Usage {
        Usage { function: "load".to_owned(), duration_ms, memory_mb, started_at: None }
    }

    #[test]
    fn a_gigabyte_for_a_thousand_seconds_costs_its_list_price() {
        let cost = cost(&[call(1_000_000, 1024)]);
        // 1000 GB-seconds and one request.
        assert_eq!(cost.lambda_usd, 0.013_334);
        // 11.5 transitions.
        assert_eq!(cost.step_functions_usd, 0.000_288);
        assert_eq!(cost.total_usd, 0.013_621);
    }

    #[test]
    fn a_run_without_calls_still_pays_its_fixed_states() {
        assert_eq!(
            cost(&[]),
            Cost { lambda_usd: 0.0, step_functions_usd: 0.000_25, total_usd: 0.000_25 }
        );
    }

    proptest! {
        #[test]
        fn more_calls_never_cost_less(calls in prop::collection::vec((0_u64..900_000, 128_u64..10_240), 1..40)) {
            let usage: Vec<Usage> = calls.iter().map(|(ms, mb)| call(*ms, *mb)).collect();
            prop_assert!(cost(&usage).total_usd >= cost(&usage[1..]).total_usd);
        }
    }
}
