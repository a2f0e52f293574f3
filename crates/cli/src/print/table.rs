//! Tables for people, aligned by the width that terminals give to characters.

use std::fmt::Display;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::{Colour, Terminal, text::clean};

/// On a terminal, a longer cell is cut, so that rows keep to their line.
const MAX_WIDTH: usize = 40;
const GAP: &str = "  ";

/// A cell.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    text: String,
    colour: Option<Colour>,
    is_number: bool,
    /// Never cut: an id is of no use without its end.
    is_whole: bool,
}

impl Cell {
    /// A text of other people.
    pub(crate) fn text(text: &str) -> Self {
        Self { text: clean(text).into_owned(), ..Self::default() }
    }

    /// An id, a time or a word of ours.
    pub(crate) fn word(word: &(impl Display + ?Sized)) -> Self {
        Self { text: clean(&word.to_string()).into_owned(), is_whole: true, ..Self::default() }
    }

    /// Aligned to the right.
    pub(crate) fn number(number: &impl Display) -> Self {
        Self { is_number: true, ..Self::word(number) }
    }

    /// The same in a colour.
    #[must_use]
    pub(crate) fn coloured(self, colour: Option<Colour>) -> Self {
        Self { colour, ..self }
    }
}

/// The lines of a table with a line of headings.
pub(crate) fn table(headings: &[&str], rows: Vec<Vec<Cell>>, terminal: Terminal) -> String {
    let headings = headings.iter().map(|heading| Cell::word(heading).coloured(Some(Colour::Dim)));
    let mut rows: Vec<Vec<Cell>> = std::iter::once(headings.collect()).chain(rows).collect();
    if terminal.is_terminal() {
        rows.iter_mut()
            .flatten()
            .filter(|cell| !cell.is_whole)
            .for_each(|cell| cut(&mut cell.text));
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.text.width()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths, terminal)).collect()
}

fn line(row: &[Cell], widths: &[usize], terminal: Terminal) -> String {
    let mut line = String::new();
    for (index, (cell, width)) in row.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width - cell.text.width());
        let text = terminal.paint(&cell.text, cell.colour);
        let is_last = index + 1 == row.len();
        match (cell.is_number, is_last) {
            (true, _) => line.extend([&*padding, &text]),
            (false, true) => line.push_str(&text),
            (false, false) => line.extend([&*text, &padding]),
        }
        if !is_last {
            line.push_str(GAP);
        }
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn cut(text: &mut String) {
    if text.width() <= MAX_WIDTH {
        return;
    }
    let mut width = 1;
    let end = text.char_indices().find(|(_, character)| {
        width += character.width().unwrap_or_default();
        width > MAX_WIDTH
    });
    text.truncate(end.map_or(text.len(), |(at, _)| at));
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(terminal: Terminal) -> String {
        let rows = vec![
            vec![
                Cell::text("Rosters"),
                Cell::number(&7),
                Cell::word("x").coloured(Some(Colour::Red)),
            ],
            vec![Cell::text("名簿の取込"), Cell::number(&1200), Cell::word("")],
            vec![Cell::text(&"é".repeat(50)), Cell::number(&1), Cell::word("y")],
        ];
        table(&["NAME", "ROWS", "RUN"], rows, terminal)
    }

    #[test]
    fn columns_are_aligned_by_display_width() {
        let drawn = drawn(Terminal::new(false, false));
        let number = |line: &str| line.find(['7', '1']).map(|at| line[..at].width()).unwrap();
        let ends: Vec<usize> = drawn
            .lines()
            .skip(1)
            .zip([1, 4, 1])
            .map(|(line, digits)| number(line) + digits)
            .collect();
        assert_eq!(ends, [56, 56, 56], "{drawn}");
        assert!(!drawn.contains('\u{1b}') && !drawn.contains(" \n"), "{drawn}");
    }

    #[test]
    fn on_a_terminal_long_cells_are_cut_and_words_are_coloured() {
        let drawn = drawn(Terminal::new(true, true));
        assert!(drawn.contains(&format!("{}…", "é".repeat(39))), "{drawn}");
        assert!(!drawn.contains(&"é".repeat(40)), "{drawn}");
        assert!(drawn.contains("\u{1b}[31mx\u{1b}[0m"), "{drawn:?}");
    }
}
