//! Tables that fit the terminal.

use anstyle::Style;
use comfy_table::{ColumnConstraint, ContentArrangement, presets};

use super::style::{LABEL, paint};

/// A table whose first column may have a colour for each row.
#[derive(Debug)]
pub struct Table {
    table: comfy_table::Table,
    styles: Vec<Style>,
}

impl Table {
    /// A table with these columns, wrapped to `width` columns of the terminal if there is one.
    pub fn new(columns: &[&str], width: Option<u16>) -> Self {
        let mut table = comfy_table::Table::new();
        table
            .load_style(presets::NOTHING)
            .set_header(columns.to_vec());
        if let Some(width) = width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width);
        }
        Table {
            table,
            styles: Vec::new(),
        }
    }

    /// Never breaks the cells of the columns before the `n`-th: names must stay in one piece.
    pub fn keep_whole(&mut self, n: usize) {
        for column in self.table.column_iter_mut().take(n) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }

    /// Adds a row; the first cell is one word and has `style`.
    pub fn row(&mut self, style: Style, cells: impl IntoIterator<Item = String>) {
        self.table.add_row(cells);
        self.styles.push(style);
    }

    /// The text, without a line end after the last row.
    pub fn render(&self) -> String {
        let text = self.table.to_string();
        let mut lines = text
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end());
        let mut shown = vec![paint(LABEL, lines.next().unwrap_or_default())];
        let mut styles = self.styles.iter();
        // A line that begins with a space continues a wrapped row.
        shown.extend(
            lines.map(|line| match (line.starts_with(' '), line.split_once(' ')) {
                (false, Some((first, rest))) => {
                    let style = styles.next().copied().unwrap_or_default();
                    format!("{} {rest}", paint(style, first))
                }
                _ => line.to_owned(),
            }),
        );
        shown.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_wrap_within_the_width() {
        let mut table = Table::new(&["NAME", "ABOUT"], Some(40));
        table.row(Style::new(), ["a".to_owned(), "many words ".repeat(10)]);
        table.row(LABEL, ["bee".to_owned(), "few".to_owned()]);
        let text = table.render();
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(plain.lines().all(|line| line.len() <= 40), "{plain}");
        assert!(
            text.lines()
                .last()
                .unwrap()
                .starts_with(&paint(LABEL, "bee")),
            "{text:?}"
        );
        assert!(plain.starts_with("NAME  ABOUT\n"), "{plain:?}");
    }
}
