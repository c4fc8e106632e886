//! What AWS charges, in US dollars: the price list of us-east-1 as of 2025, beyond any free tier.
//!
//! See the pricing pages of AWS Lambda, AWS Step Functions, Amazon S3, Amazon RDS, Amazon CloudWatch,
//! AWS Secrets Manager, AWS Glue, Amazon SNS, Amazon SQS and AWS KMS. A price stands here and nowhere
//! else.

const THOUSAND: f64 = 1e3;
const MILLION: f64 = 1e6;
const GIGABYTE: f64 = 1024.0 * 1024.0 * 1024.0;
/// AWS bills a month as so many hours.
const MONTH_HOURS: f64 = 730.0;

/// A gigabyte-second of a Lambda function on arm64, first tier.
pub const LAMBDA_GB_SECOND: f64 = 0.000_013_333_4;
/// A request to Lambda.
pub const LAMBDA_REQUEST: f64 = 0.20 / MILLION;
/// A state transition of a standard workflow.
pub const STATE_TRANSITION: f64 = 0.025 / THOUSAND;

/// A request to S3 Standard that writes, copies or lists.
pub const S3_WRITE: f64 = 0.005 / THOUSAND;
/// A request to S3 Standard that reads.
pub const S3_READ: f64 = 0.000_4 / THOUSAND;
/// A byte in S3 Standard for a month, first tier.
pub const S3_BYTE_MONTH: f64 = 0.023 / GIGABYTE;

/// A second of the database that the template makes by default: RDS for PostgreSQL on
/// db.t4g.medium, in one zone.
pub const DATABASE_SECOND: f64 = 0.065 / 3600.0;

/// A call of `PutMetricData`.
pub const METRIC_REQUEST: f64 = 0.01 / THOUSAND;
/// A custom metric in an hour in which it is sent, first tier.
pub const METRIC_HOUR: f64 = 0.30 / MONTH_HOURS;
/// A byte taken in by CloudWatch Logs.
pub const LOG_BYTE: f64 = 0.50 / GIGABYTE;

/// A call of Secrets Manager.
pub const SECRET_REQUEST: f64 = 0.05 / (10.0 * THOUSAND);
/// A request to the Glue Data Catalog, beyond the first million a month.
pub const GLUE_REQUEST: f64 = 1.0 / MILLION;
/// A message to a topic of SNS.
pub const NOTIFICATION: f64 = 0.50 / MILLION;
/// A request to SQS, standard queues.
pub const QUEUE_REQUEST: f64 = 0.40 / MILLION;
/// A request to KMS.
pub const KEY_REQUEST: f64 = 0.03 / (10.0 * THOUSAND);
