//! Tables for a terminal, as wide as it is. Numbers, times and names stay whole, for they are read and copied as a whole; texts give
//! way. Where even that does not fit, each row is told line by line. What is longer than any screen is cut: laying it out takes time
//! that grows with the square of its length.

use std::fmt;

use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, Width, presets};
use unicode_width::UnicodeWidthStr;

/// Columns of a terminal where there is none.
const DEFAULT_WIDTH: u16 = 120;
/// A text is not broken into lines shorter than this, if it is that long.
const LEAST_WORDS: usize = 16;
/// No cell is worth more of a screen.
const MOST_CHARACTERS: usize = 2_000;
/// A border and a blank on either side of a cell.
const BETWEEN: usize = 3;

/// How the cells of a column are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Never broken: a name, an id, a time.
    Whole,
    /// Never broken, and on the right.
    Number,
    /// Broken into lines where there is too little room.
    Words,
    /// The same, but only between words: names and what is said of them.
    Names,
}

/// A table of text.
#[derive(Debug)]
pub struct TextTable {
    width: u16,
    columns: Vec<(String, Shown)>,
    rows: Vec<Vec<String>>,
}

impl TextTable {
    /// A table without rows; `width` is the terminal's, if there is one.
    pub fn new<Name: Into<String>>(width: Option<u16>, columns: impl IntoIterator<Item = (Name, Shown)>) -> Self {
        let columns = columns.into_iter().map(|(name, shown)| (name.into(), shown)).collect();
        Self { width: width.unwrap_or(DEFAULT_WIDTH), columns, rows: Vec::new() }
    }

    /// Adds a row; of each cell at most 2,000 characters are shown.
    pub fn row<Text: Into<String>>(&mut self, cells: impl IntoIterator<Item = Text>) {
        self.rows.push(cells.into_iter().map(|cell| shortened(cell.into())).collect());
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The widest of the parts of a column's cells.
    fn widest<'table, Parts: Iterator<Item = &'table str>>(
        &'table self,
        column: usize,
        parts: impl Fn(&'table str) -> Parts,
    ) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(column));
        cells.flat_map(|cell| parts(cell)).map(UnicodeWidthStr::width).max().unwrap_or(0)
    }

    /// The least widths of the columns: that of their cells, or of some of their words, and of the head above, or the longest of its
    /// words. `None` where that is more than the terminal has.
    fn least(&self, whole_heads: bool) -> Option<Vec<usize>> {
        let least = |(column, (name, shown)): (usize, &(String, Shown))| {
            let longest = || name.split(' ').map(UnicodeWidthStr::width).max().unwrap_or(0);
            let gives_way = matches!(shown, Shown::Words | Shown::Names);
            let head = if whole_heads && !gives_way { name.width() } else { longest() };
            let cells = match shown {
                Shown::Words => self.widest(column, str::lines).min(LEAST_WORDS),
                Shown::Names => self.widest(column, str::split_whitespace),
                Shown::Whole | Shown::Number => self.widest(column, str::lines),
            };
            cells.max(head)
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(least).collect();
        let needed: usize = widths.iter().map(|width| width + BETWEEN).sum();
        (needed < usize::from(self.width)).then_some(widths)
    }

    fn side_by_side(&self, widths: &[usize]) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(self.width).set_header(self.columns.iter().map(|(name, _)| name));
        table.add_rows(&self.rows);
        for (((_, shown), width), column) in self.columns.iter().zip(widths).zip(table.column_iter_mut()) {
            let width = Width::Fixed(u16::try_from(width + 2).unwrap_or(u16::MAX));
            column.set_constraint(match shown {
                Shown::Words | Shown::Names => ColumnConstraint::LowerBoundary(width),
                Shown::Whole | Shown::Number => ColumnConstraint::Absolute(width),
            });
            if *shown == Shown::Number {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        table
    }

    /// A line for each cell that holds something, and an empty one between rows.
    fn line_by_line(&self) -> String {
        let widest = self.columns.iter().map(|(name, _)| name.width()).max().unwrap_or(0);
        let mut lines: Vec<String> = Vec::new();
        for row in &self.rows {
            lines.extend((!lines.is_empty()).then(String::new));
            for ((name, _), cell) in self.columns.iter().zip(row).filter(|(_, cell)| !cell.is_empty()) {
                let blank = " ".repeat(widest - name.width());
                lines.push(format!("{name}{blank}  {}", cell.replace('\n', ", ")));
            }
        }
        lines.join("\n")
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

impl fmt::Display for TextTable {
    /// Without a line end after the last line.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.least(true).or_else(|| self.least(false)) {
            Some(widths) => write!(formatter, "{}", self.side_by_side(&widths)),
            None => formatter.write_str(&self.line_by_line()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: u16) -> String {
        let columns = [("when", Shown::Whole), ("calls", Shown::Number), ("what happened", Shown::Words)];
        let mut table = TextTable::new(Some(width), columns);
        table.row(["2026-01-29 11:40", "4,112", "Oss/GetObject was called 204 times by user svc-25"]);
        table.row(["2026-01-29 12:00", "7", ""]);
        table.to_string()
    }

    #[test]
    fn names_are_broken_between_words_alone() {
        let mut table = TextTable::new(Some(46), [("from", Shown::Names), ("what happened", Shown::Words)]);
        table.row(["2408:4005:837:1::21 (DE, Example Net)", "Oss/GetObject was called 204 times by user svc-25"]);
        let text = table.to_string();
        for whole in ["2408:4005:837:1::21", "Example", "user svc-25"] {
            assert!(text.contains(whole), "{text}");
        }
        assert!(text.lines().all(|line| line.width() <= 46), "{text}");
    }

    #[test]
    fn numbers_and_times_stay_whole_and_texts_give_way() {
        insta::assert_snapshot!(table(60));
    }

    #[test]
    fn what_does_not_fit_is_told_line_by_line() {
        insta::assert_snapshot!(table(40));
    }

    #[test]
    fn a_text_longer_than_any_screen_is_cut() {
        for shown in [Shown::Whole, Shown::Words] {
            let mut table = TextTable::new(None, [("when", Shown::Whole), ("what happened", shown)]);
            table.row(["2026-01-29 11:40", &format!("user {} called", "é".repeat(1_000_000))]);
            let text = table.to_string();
            assert!(text.contains('…') && text.chars().count() < 10 * MOST_CHARACTERS, "{}", text.len());
        }
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_and_nothing_whole_is_broken() {
        for width in 46..130 {
            let text = table(width);
            let fits = text.lines().all(|line| line.width() <= usize::from(width));
            assert!(fits || !text.starts_with('┌'), "{width}\n{text}");
            assert!(text.contains("2026-01-29 11:40") && text.contains("4,112"), "{width}\n{text}");
        }
    }
}
