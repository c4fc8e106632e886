//! The pipeline from end to end: the deployed functions and state machines, on the emulator and a
//! real Postgres. One program, since each one compiles the clients of AWS again; the tests take turns
//! ([`shopflow_tests::Cloud`]).

mod analytics;
mod backfill;
mod bad_files;
mod default_run;
mod erase;
mod faults;
mod features;
mod full_profile;
mod golden;
mod keys;
mod lineage;
mod mirror;
mod notices;
mod pending;
mod planted;
mod privacy;
mod quarantine;
mod redrive;
mod repeats;
mod samples;
mod side_by_side;
mod stream;
mod trigger;
mod vocabulary;
mod withdraw;
