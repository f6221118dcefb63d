//! Where the answer to a question goes and in what form: the options that all commands that ask have in common.

use std::fmt::Write;
use std::io::{BufWriter, stdout};
use std::path::PathBuf;

use clap::Args;

use crate::cli::output;
use crate::error::{Error, Result};
use crate::place::PlaceBook;
use crate::query::answer::{self, AnswerFormat, AnswerWriter, Heading, Placed, Sink, placed_headings};
use crate::storage::write_text;

/// Where a result goes and in what form.
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// How to write the result [default: table, or what the ending of --out says]
    #[arg(long, value_enum)]
    format: Option<AnswerFormat>,
    /// File to write the result to [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ResultArgs {
    /// Whether it can be written, before there is anything to write.
    ///
    /// # Errors
    /// For a file in a folder that is not there, and for one whose ending tells no form where no other is asked for.
    pub(super) fn check(&self) -> Result<()> {
        let Some(out) = &self.out else { return Ok(()) };
        output::expect_folder(out)?;
        match self.format.or(AnswerFormat::of_file(out)) {
            Some(_) => Ok(()),
            None => Err(Error::unknown_ending(out, ".csv, .json, .parquet or .txt, or a --format")),
        }
    }

    /// The form that is asked for.
    pub(super) fn format(&self) -> AnswerFormat {
        let by_ending = || self.out.as_deref().and_then(AnswerFormat::of_file);
        self.format.or_else(by_ending).unwrap_or(AnswerFormat::Table)
    }

    fn sink(&self) -> Result<Sink> {
        match &self.out {
            Some(path) => Sink::file(path),
            None => Ok(Sink::Stream(Box::new(BufWriter::new(stdout().lock())))),
        }
    }

    /// Whether it goes to standard output.
    pub(super) fn is_printed(&self) -> bool {
        self.out.is_none()
    }

    /// Writes JSON values, each on a line of its own.
    pub(super) fn json_lines(&self, values: impl IntoIterator<Item = serde_json::Value>) -> anyhow::Result<()> {
        let mut text = String::new();
        for value in values {
            let _ = writeln!(text, "{value}");
        }
        match &self.out {
            Some(path) => Ok(write_text(path, &text)?),
            None => Ok(output::result(&text)?),
        }
    }

    /// Starts a result.
    pub(super) fn writer(&self, headings: Vec<Heading>) -> Result<Box<dyn AnswerWriter>> {
        answer::writer(self.format(), headings, self.sink()?, output::width())
    }

    /// Starts a result of which a column holds addresses: it gets their places, if there is a database to look them up in.
    pub(super) fn placed_writer<'book>(
        &self,
        headings: Vec<Heading>,
        address: Option<usize>,
        places: &'book PlaceBook,
    ) -> Result<Box<dyn AnswerWriter + 'book>> {
        let Some(address) = address.filter(|_| !places.is_empty()) else {
            return self.writer(headings);
        };
        let format = self.format();
        let answer = self.writer(placed_headings(headings, address, format))?;
        Ok(Box::new(Placed { answer, format, places, address }))
    }
}
