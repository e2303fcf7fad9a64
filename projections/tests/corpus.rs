//! The fuzzer's properties of any input, checked for its corpus and thousands of inputs that are
//! close to it: a finding that was fixed does not come back unseen.

#[path = "../../fuzz/properties/cloud_event.rs"]
mod cloud_event;
#[path = "../../fuzz/properties/event.rs"]
mod event;
#[path = "../../fuzz/properties/smoke.rs"]
mod smoke;

#[test]
fn any_body_is_an_event_within_its_bounds_or_is_refused_with_a_reason() {
    smoke::run("event", event::of_any_body);
}

#[test]
fn a_payload_is_the_same_event_in_whichever_form_it_comes() {
    smoke::run("cloud_event", cloud_event::of_any_message);
}
