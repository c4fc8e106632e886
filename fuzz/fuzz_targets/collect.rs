#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| shopflow_fuzz_targets::run("collect", data));
