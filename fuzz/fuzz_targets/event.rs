//! The event parser: any bytes as a body of every kind.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| adaptive_bi_fuzz::event::of_any_body(input));
