//! Query parameters: any bytes as a query.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| adaptive_bi_fuzz::query::of_any_query(input));
