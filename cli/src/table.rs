//! Columns of text, aligned.

use std::fmt;

use anstyle::Style;

use crate::colour::FAINT;

const INDENT: &str = "  ";
const GAP: &str = "   ";

/// Rows under headings; where all headings are empty, rows alone.
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Copy)]
pub(crate) enum Align {
    Left,
    Right,
}

/// A text and how it looks.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self { text: printable(&text.into()), style }
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::styled(text, Style::new())
    }
}

impl Table {
    pub(crate) fn new(columns: impl Into<Vec<(&'static str, Align)>>) -> Self {
        Self { columns: columns.into(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    fn heading(&self) -> Option<Vec<Cell>> {
        let is_wanted = self.columns.iter().any(|(heading, _)| !heading.is_empty());
        is_wanted.then(|| self.columns.iter().map(|&(heading, _)| Cell::styled(heading, FAINT)).collect())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heading = self.heading();
        let rows: Vec<&Vec<Cell>> = heading.iter().chain(&self.rows).collect();
        let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                let (gap, padding) = (if column == 0 { INDENT } else { GAP }, widths[column] - cell.width());
                let (before, after) = match self.columns[column].1 {
                    Align::Left if column + 1 == row.len() => (0, 0),
                    Align::Left => (0, padding),
                    Align::Right => (padding, 0),
                };
                let Cell { text, style } = cell;
                write!(f, "{gap}{:before$}{style}{text}{style:#}{:after$}", "", "")?;
            }
            f.write_str("\n")?;
        }
        Ok(())
    }
}

/// The text without what could command a terminal: names of models and features come from servers and users.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut clean, character| {
        if character.is_control() {
            clean.extend(character.escape_default());
        } else {
            clean.push(character);
        }
        clean
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_to_the_left_and_numbers_to_the_right() {
        let mut table = Table::new([("model", Align::Left), ("cost", Align::Right), ("", Align::Left)]);
        table.row(["gpt-5-mini".into(), "$0.05".into(), "so far".into()]);
        table.row(["é".into(), Cell::styled("$10,000.00", FAINT)]);
        let plain = anstream::adapter::strip_str(&table.to_string()).to_string();
        assert_eq!(
            plain.lines().collect::<Vec<_>>(),
            ["  model              cost   ", "  gpt-5-mini        $0.05   so far", "  é            $10,000.00"]
        );
    }

    #[test]
    fn a_name_cannot_command_the_terminal() {
        assert_eq!(printable("gpt\u{1b}[2J\n"), r"gpt\u{1b}[2J\n");
    }
}
