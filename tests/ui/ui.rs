//! Every message of the macro, as the compiler shows it. `TRYBUILD=overwrite` accepts what it says now.

#[test]
fn every_mistake_has_its_message_at_the_smallest_thing_to_edit() {
    trybuild::TestCases::new().compile_fail("cases/*.rs");
}
