//! `insights completions` and `insights man`: what a package puts beside the program.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::cli::{Cli, exit, output};
use crate::error::Error;
use crate::storage::write_text;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  insights completions bash > /etc/bash_completion.d/insights
  insights completions zsh > \"${fpath[1]}/_insights\"
  insights completions fish > ~/.config/fish/completions/insights.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Print the manual page, or write one for every command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  insights man | man -l -
  insights man --out /usr/local/share/man/man1")]
pub(super) struct ManArgs {
    /// Folder to write a page for every command to
    #[arg(long, short, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(super) fn completions(args: &CompletionsArgs) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "insights", &mut script);
    output::result(&String::from_utf8(script)?)?;
    Ok(exit::DONE)
}

pub(super) fn man(args: &ManArgs) -> anyhow::Result<u8> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.out else {
        output::result(&page(command)?)?;
        return Ok(exit::DONE);
    };
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help") {
        let name = format!("insights-{}", subcommand.get_name());
        write(folder, &name, &page(subcommand.clone())?)?;
    }
    write(folder, "insights", &page(command)?)?;
    Ok(exit::DONE)
}

fn write(folder: &std::path::Path, name: &str, text: &str) -> Result<(), Error> {
    write_text(&folder.join(format!("{name}.1")), text)
}

fn page(command: clap::Command) -> anyhow::Result<String> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    Ok(String::from_utf8(text)?)
}
