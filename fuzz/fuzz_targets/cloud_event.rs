//! The CloudEvents forms: any bytes as a message with headers.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| adaptive_bi_fuzz::cloud_event::of_any_message(input));
