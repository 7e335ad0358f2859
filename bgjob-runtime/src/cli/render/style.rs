//! The few colours.

use anstyle::{AnsiColor, Style};

use crate::job::view::ViewState;

/// The word `error:`.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// The word `warning:`.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// The word `help:`.
pub const HELP: Style = AnsiColor::Cyan.on_default().bold();
/// Names of columns and fields.
pub const LABEL: Style = Style::new().bold();
/// What matters less.
pub const FAINT: Style = Style::new().dimmed();

/// The colour of a state.
pub fn of_state(state: ViewState) -> Style {
    match state {
        ViewState::Completed | ViewState::Ok => AnsiColor::Green.on_default(),
        ViewState::Failed | ViewState::Rejected => AnsiColor::Red.on_default(),
        ViewState::Running => AnsiColor::Cyan.on_default(),
        ViewState::InputRequired | ViewState::Cancelled => AnsiColor::Yellow.on_default(),
        ViewState::Queued => FAINT,
    }
}

/// `text` in `style`.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
