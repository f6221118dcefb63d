//! A document of few words: blocks, and how they are written as Markdown, as plain text and as HTML.

use std::borrow::Cow;
use std::fmt::Write;

use maud::html;

use crate::report::page::document as html_document;
use crate::shown::visible;

/// Columns of plain text.
const WIDTH: usize = 78;

/// A part of a document. Texts are plain; whatever they hold is shown as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// A heading of a level from 1.
    Heading(usize, String),
    /// A paragraph.
    Paragraph(String),
    /// A list.
    List(Vec<String>),
    /// A command to copy.
    Command(String),
    /// A table: its head and its rows.
    Table(Vec<&'static str>, Vec<Vec<String>>),
}

/// A document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    /// Its parts, from the top.
    pub blocks: Vec<Block>,
}

impl Document {
    /// Adds a heading.
    pub fn heading(&mut self, level: usize, text: impl Into<String>) {
        self.blocks.push(Block::Heading(level, text.into()));
    }

    /// Adds a paragraph.
    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph(text.into()));
    }

    /// Adds a list, if it has any items.
    pub fn list(&mut self, items: impl IntoIterator<Item = String>) {
        let items: Vec<String> = items.into_iter().collect();
        if !items.is_empty() {
            self.blocks.push(Block::List(items));
        }
    }

    /// Adds a command.
    pub fn command(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Command(text.into()));
    }

    /// Adds a table.
    pub fn table(&mut self, head: Vec<&'static str>, rows: Vec<Vec<String>>) {
        self.blocks.push(Block::Table(head, rows));
    }

    /// As Markdown, in GitHub's flavour.
    pub fn markdown(&self) -> String {
        let blocks: Vec<String> = self.blocks.iter().map(markdown_block).collect();
        blocks.join("\n\n") + "\n"
    }

    /// As plain text of at most 78 columns, but for words, commands and tables that are longer.
    pub fn text(&self) -> String {
        let blocks: Vec<String> = self.blocks.iter().map(text_block).collect();
        blocks.join("\n\n") + "\n"
    }

    /// As a page without charts.
    pub fn html(&self) -> String {
        let title = self.blocks.iter().find_map(|block| match block {
            Block::Heading(1, text) => Some(visible(text).into_owned()),
            _ => None,
        });
        let body = html! { main.plain { @for block in &self.blocks { (html_block(block)) } } };
        html_document(&title.unwrap_or_default(), &body)
    }
}

fn markdown_block(block: &Block) -> String {
    match block {
        Block::Heading(level, text) => format!("{} {}", "#".repeat(*level), escaped(text)),
        Block::Paragraph(text) => escaped(text),
        Block::List(items) => items.iter().map(|item| format!("- {}", escaped(item))).collect::<Vec<_>>().join("\n"),
        Block::Command(text) => {
            let text = visible(text);
            let fence = "`".repeat(longest_run(&text, '`').max(2) + 1);
            format!("{fence}sh\n{text}\n{fence}")
        }
        Block::Table(head, rows) => {
            let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
            let mut lines = vec![line(head.iter().map(|name| (*name).to_owned()).collect())];
            lines.push(line(vec!["---".to_owned(); head.len()]));
            lines.extend(rows.iter().map(|cells| line(cells.iter().map(|cell| escaped(cell)).collect())));
            lines.join("\n")
        }
    }
}

/// The longest run of a character.
fn longest_run(text: &str, character: char) -> usize {
    text.split(|other| other != character).map(str::len).max().unwrap_or(0)
}

/// Text in which nothing is Markdown, HTML or a link that makes itself.
fn escaped(text: &str) -> String {
    let text = visible(text);
    let mut written = String::with_capacity(text.len() + 8);
    for (place, character) in text.char_indices() {
        let rest = &text[place..];
        let is_markup = matches!(character, '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' | '@' | '$');
        let begins_block = place == 0 && matches!(character, '-' | '+' | '=');
        let begins_number =
            matches!(character, '.' | ')') && place > 0 && text[..place].bytes().all(|byte| byte.is_ascii_digit());
        let makes_link = (character == ':' && rest.starts_with("://"))
            || (character == '.' && text[..place].to_ascii_lowercase().ends_with("www"));
        match character {
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '&' if begins_entity(rest) => written.push_str("&amp;"),
            _ => {
                if is_markup || begins_block || begins_number || makes_link {
                    written.push('\\');
                }
                written.push(character);
            }
        }
    }
    written
}

/// Whether a text that begins with `&` would be read as another character: `&lt;`, `&#60;`.
fn begins_entity(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || character == '#')
    };
    text[1..].split_once(';').is_some_and(|(name, _)| is_name(name))
}

fn text_block(block: &Block) -> String {
    match block {
        Block::Heading(1, text) => {
            let text = visible(text);
            format!("{text}\n{}", "=".repeat(text.chars().count().min(WIDTH)))
        }
        Block::Heading(_, text) => {
            let text = visible(text);
            format!("{text}\n{}", "-".repeat(text.chars().count().min(WIDTH)))
        }
        Block::Paragraph(text) => wrapped(&visible(text), "", ""),
        Block::List(items) => {
            items.iter().map(|item| wrapped(&visible(item), "* ", "  ")).collect::<Vec<_>>().join("\n")
        }
        Block::Command(text) => format!("    {}", visible(text)),
        Block::Table(head, rows) => text_table(head, rows),
    }
}

/// Words in lines, the first of which begins with one mark and the others with another.
fn wrapped(text: &str, first: &str, other: &str) -> String {
    let (mut lines, mut line) = (Vec::new(), first.to_owned());
    let mut is_empty = true;
    for word in text.split_whitespace() {
        if !is_empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            lines.push(std::mem::replace(&mut line, other.to_owned()));
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line.push_str(word);
        is_empty = false;
    }
    lines.push(line);
    lines.join("\n")
}

fn text_table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<Cow<'_, str>> = head.iter().map(|name| Cow::Borrowed(*name)).collect();
    let rows = rows.iter().map(|cells| cells.iter().map(|cell| visible(cell)).collect::<Vec<_>>());
    let lines: Vec<Vec<Cow<'_, str>>> = std::iter::once(head).chain(rows).collect();
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let cell = |line: &Vec<Cow<'_, str>>, column: usize| line.get(column).map_or(0, |cell| cell.chars().count());
    let widths: Vec<usize> =
        (0..columns).map(|column| lines.iter().map(|line| cell(line, column)).max().unwrap_or(0)).collect();
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            let _ = write!(shown, "{cell:<width$}  ");
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text.trim_end().to_owned()
}

fn html_block(block: &Block) -> maud::Markup {
    html! {
        @match block {
            Block::Heading(1, text) => h1 { (visible(text)) },
            Block::Heading(2, text) => h2 { (visible(text)) },
            Block::Heading(_, text) => h3 { (visible(text)) },
            Block::Paragraph(text) => p { bdi { (visible(text)) } },
            Block::List(items) => ul { @for item in items { li { bdi { (visible(item)) } } } },
            Block::Command(text) => p { code { (visible(text)) } },
            Block::Table(head, rows) => div.scroll tabindex="0" { table {
                thead { tr { @for name in head { th scope="col" { (name) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { bdi { (visible(cell)) } } } } } }
            } },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_is_markdown() {
        for (text, written) in [
            ("svc-25", "svc-25"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("ATT&CK: T1530; R&D", "ATT&CK: T1530; R&D"),
            ("&lt;b&#62; &amp;", r"&amp;lt;b&amp;\#62; &amp;amp;"),
            ("[a](b)", r"\[a\](b)"),
            ("*a* _b_ `c` | d", r"\*a\* \_b\_ \`c\` \| d"),
            ("http://evil.example", r"http\://evil.example"),
            ("www.evil.example", r"www\.evil.example"),
            ("@all", r"\@all"),
            ("- a", r"\- a"),
            ("1. a", r"1\. a"),
            ("1) a", r"1\) a"),
            ("a 1) b", "a 1) b"),
            ("a\nb", "a⟨U+000A⟩b"),
        ] {
            assert_eq!(escaped(text), written);
        }
    }

    #[test]
    fn a_document_is_written_three_ways() {
        let mut document = Document::default();
        document.heading(1, "A night");
        document.paragraph("word ".repeat(20));
        document.list(["one".to_owned(), "<two>".to_owned()]);
        document.command("insights query EVENTS --user 'a``b'");
        document.table(vec!["day", "found"], vec![vec!["1".to_owned(), "a|b".to_owned()]]);
        insta::assert_snapshot!("markdown", document.markdown());
        insta::assert_snapshot!("text", document.text());
        assert!(document.html().contains("<li><bdi>&lt;two&gt;</bdi></li>"));
    }
}
