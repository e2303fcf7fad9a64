//! The fuzzer's properties of any input, checked for its corpus and thousands of inputs that are
//! close to it. No server is asked.

#[path = "../../fuzz/properties/ingest.rs"]
mod ingest;
// Its servers live as long as the process, so a fuzzer runs it alone; here it has to compile.
#[path = "../../fuzz/properties/log.rs"]
#[expect(dead_code, reason = "run by the fuzzer")]
mod log;
#[path = "../../fuzz/properties/query.rs"]
mod query;
#[path = "../../fuzz/properties/smoke.rs"]
mod smoke;

#[test]
fn no_line_and_no_element_is_lost_whatever_is_sent_as_events() {
    smoke::run("ingest", ingest::of_any_bytes);
}

#[test]
fn any_query_asks_for_a_range_in_order_or_is_told_what_is_wrong() {
    smoke::run("query", query::of_any_query);
}
