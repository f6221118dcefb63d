//! `insights settings`: what is in force, and where each value came from.

use clap::Args;

use crate::cli::output::{self, Format};
use crate::cli::{Common, complain_of_variables, exit};
use crate::settings::{InForce, REFERENCE, example, variable};
use crate::shown::{Shown, TextTable, printable};

/// Show the settings in force and where each came from
#[derive(Debug, Args)]
#[command(after_help = "\
A setting is taken from the command line, else from its environment variable, else from the settings file, else from its \
default.

Examples:
  insights settings
  insights settings --set min_excess=20        try what a change would come to
  insights settings --example > insights.toml  a file to begin with: every setting, explained
  insights settings --reference                every setting with unit, effect and environment variable")]
pub(super) struct SettingsArgs {
    /// Print a settings file with every setting explained and at its default
    #[arg(long, conflicts_with = "reference")]
    example: bool,
    /// Print what every setting is, its unit, its effect and its environment variable
    #[arg(long)]
    reference: bool,
    /// How to print the result
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

pub(super) fn run(args: &SettingsArgs, common: &Common) -> anyhow::Result<u8> {
    if args.example {
        output::result(&example())?;
    } else if args.reference {
        output::result(&reference(output::width()))?;
    } else {
        let layers = common.layers(&[])?;
        layers.settings()?;
        complain_of_variables(&layers);
        match args.format {
            Format::Json => output::json(&layers.in_force())?,
            Format::Text => output::result(&in_force(&layers.in_force(), output::width()))?,
        }
    }
    Ok(exit::DONE)
}

fn in_force(settings: &[InForce], width: Option<u16>) -> String {
    let columns = [("setting", Shown::Whole), ("value", Shown::Words), ("from", Shown::Words)];
    let mut table = TextTable::new(width, columns);
    for setting in settings {
        table.row([&setting.key, &setting.value, &setting.source.to_string()].map(|text| printable(text)));
    }
    format!("{table}\n")
}

fn reference(width: Option<u16>) -> String {
    let columns =
        [("setting", Shown::Whole), ("unit", Shown::Words), ("effect", Shown::Words), ("environment", Shown::Words)];
    let mut table = TextTable::new(width, columns);
    for setting in &REFERENCE {
        let variable = variable(setting.key) + if setting.is_open { "_…" } else { "" };
        table.row([setting.key, setting.unit, setting.effect, &variable]);
    }
    format!("{table}\n")
}
