//! The splitter of bodies and files: any bytes as either.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| adaptive_bi_fuzz::ingest::of_any_bytes(input));
