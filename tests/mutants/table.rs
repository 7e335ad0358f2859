//! What a mistake is.

/// A mistake: one text of one file of the engine replaced by another.
pub struct Mutant {
    /// What goes wrong.
    pub name: &'static str,
    /// The file, below `bgjob-runtime/src`.
    pub file: &'static str,
    /// The sound text.
    pub from: &'static str,
    /// The mistaken one.
    pub to: &'static str,
    /// The test binary.
    pub target: &'static str,
    /// The test that must fail.
    pub test: &'static str,
}

/// A row of the table.
pub const fn mutant(
    name: &'static str,
    file: &'static str,
    from: &'static str,
    to: &'static str,
    target: &'static str,
    test: &'static str,
) -> Mutant {
    Mutant {
        name,
        file,
        from,
        to,
        target,
        test,
    }
}

/// Every mistake.
pub fn all() -> impl Iterator<Item = &'static Mutant> {
    crate::engine::MUTANTS
        .iter()
        .chain(crate::dataflow::MUTANTS)
        .chain(crate::questions::MUTANTS)
        .chain(crate::warm::MUTANTS)
}
