//! The log: any bytes as headers, subjects and bodies, by a real nats-server.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| adaptive_bi_fuzz::log::of_any_messages(input));
