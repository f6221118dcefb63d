//! `insights changes`: who changed something, in order; and who signed in.

use std::path::PathBuf;

use clap::Args;

use crate::changes::{Subject, mfa, outcome, sign_ins};
use crate::cli::query::{complain, moment};
use crate::cli::result::ResultArgs;
use crate::cli::{Common, output, places};
use crate::error::Result;
use crate::event::Column;
use crate::partition::{Partitions, Problem};
use crate::place::PlaceBook;
use crate::query::answer::{AnswerFormat, Heading, Kind, Value};
use crate::query::{Field, Filter, Hit, Page, Request, Search, TimeRange};
use crate::shown::{counted, printable};

/// Events that are held and shown at once.
const PAGE: usize = 4_096;
/// Changes that are shown when nothing else is asked for.
const MOST: usize = 1_000;

/// Show who changed a resource, a user or a role, in order; or who signed in
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "the comments are what --help prints")]
#[command(after_help = "\
A change is an event that is no read and names the subject among its resources or in its parameters; \
attempts that failed are shown too. The clouds do not log what was there before.

Examples:
  insights changes data/sample --user backup-sync
  insights changes data/sample --resource o-bp2940ad6e --from 2026-02-04
  insights changes data/sample --resource o-bp2940ad6e --limit 3 --format json
  insights changes data/sample --sign-ins --from 2026-02-03 --limit 5
  insights changes data/sample --sign-ins --user wei31 --format csv")]
pub(super) struct ChangesArgs {
    /// Folder of event partitions
    #[arg(value_name = "EVENTS")]
    events: PathBuf,
    /// A resource, by name or id
    #[arg(long, value_name = "NAME", conflicts_with_all = ["user", "role"])]
    resource: Option<String>,
    /// A user who was changed; with --sign-ins, who signed in
    #[arg(long, value_name = "NAME", conflicts_with = "role")]
    user: Option<String>,
    /// A role that was changed
    #[arg(long, value_name = "NAME")]
    role: Option<String>,
    /// Sign-ins with address, second factor and outcome
    #[arg(long, conflicts_with_all = ["resource", "role"])]
    sign_ins: bool,
    /// Not earlier than this: a date, a time, or how long ago
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Earlier than this; a date means the end of its day
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// The most events, the newest ones; 0 for all
    #[arg(long, value_name = "N", default_value_t = MOST)]
    limit: usize,
    /// The time that "ago" counts from [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    #[command(flatten)]
    result: ResultArgs,
}

pub(super) fn run(args: &ChangesArgs, common: &Common) -> anyhow::Result<u8> {
    args.result.check()?;
    let settings = common.load_settings(&[])?;
    let now = moment(args.now.as_deref())?;
    let range = TimeRange::parse(args.from.as_deref(), args.to.as_deref(), now)?;
    let filter = Filter { range, conditions: conditions(args)? };
    let partitions = Partitions::find(&args.events, &settings.columns)?;
    let places = places::open(&settings)?;
    let search = Search::open(&partitions, filter);
    let mut problems = search.problems.clone();
    problems.extend(show(&search, args, common, &places)?);
    Ok(places::complain(&places, complain(&problems)))
}

fn conditions(args: &ChangesArgs) -> Result<Vec<crate::query::Condition>> {
    if args.sign_ins {
        let who = Request { user: args.user.iter().cloned().collect(), ..Request::default() };
        return Ok(sign_ins()?.into_iter().chain(Filter::parse(&who, 0)?.conditions).collect());
    }
    let subject = args.resource.clone().map(Subject::Resource);
    let subject = subject.or_else(|| args.user.clone().map(Subject::User));
    match subject.or_else(|| args.role.clone().map(Subject::Role)) {
        Some(subject) => subject.conditions(),
        None => Err(crate::Error::Query {
            message: "whose changes?".to_owned(),
            hint: Some("name one: --resource NAME, --user NAME, --role NAME, or --sign-ins".to_owned()),
        }),
    }
}

/// What is read of a change, and of a sign-in.
const CHANGE: [Field; 9] = [
    Field::Column(Column::EventTime),
    Field::Principal,
    Field::Column(Column::AccessKeyId),
    Field::Column(Column::SourceIpAddress),
    Field::Api,
    Field::Column(Column::ResourceName),
    Field::Column(Column::ErrorCode),
    Field::Column(Column::ErrorMessage),
    Field::Column(Column::RequestParameters),
];
const SIGN_IN: [Field; 8] = [
    Field::Column(Column::EventTime),
    Field::Principal,
    Field::Column(Column::SourceIpAddress),
    Field::Column(Column::UserAgent),
    Field::Column(Column::MfaAuthenticated),
    Field::Column(Column::AdditionalEventData),
    Field::Column(Column::ErrorCode),
    Field::Column(Column::ErrorMessage),
];

fn show(search: &Search, args: &ChangesArgs, common: &Common, places: &PlaceBook) -> Result<Vec<Problem>> {
    let most = if args.limit == 0 { usize::MAX - 1 } else { args.limit };
    let (mut hits, mut problems) = search.newest(None, most + 1);
    let is_cut = hits.len() > most;
    hits.truncate(most);
    hits.reverse();
    let headings = headings(args.sign_ins, args.result.format() != AnswerFormat::Table);
    let address = headings.iter().position(|heading| heading.name == Column::SourceIpAddress.name());
    let mut writer = args.result.placed_writer(headings, address, places)?;
    for hits in hits.chunks(PAGE) {
        let fields: &[Field] = if args.sign_ins { &SIGN_IN } else { &CHANGE };
        let (page, failed) = Page::read(search, hits, fields);
        problems.extend(failed);
        let all = args.result.format() != AnswerFormat::Table;
        let row = |event| if args.sign_ins { sign_in(&page, event, all) } else { change(&page, event, all) };
        writer.rows(&(0..page.len()).map(row).collect::<Vec<_>>())?;
    }
    writer.finish()?;
    remark(&hits, is_cut, args, common);
    Ok(problems)
}

fn remark(hits: &[Hit], is_cut: bool, args: &ChangesArgs, common: &Common) {
    let (one, many) = if args.sign_ins { ("sign-in", "sign-ins") } else { ("change", "changes") };
    if is_cut {
        let shown = counted(args.limit as u64, &format!("{one} is"), &format!("{many} are"));
        output::complain(&format!("only the newest {shown} shown; --limit 0 for all"));
    } else if !common.quiet {
        output::complain(&counted(hits.len() as u64, one, many));
        let who = [("user", &args.user), ("role", &args.role)]
            .into_iter()
            .find_map(|(kind, name)| Some((kind, name.as_ref()?)));
        if let Some((kind, name)) = who.filter(|_| hits.is_empty() && !args.sign_ins) {
            output::complain(&format!(
                "none names that {kind}; what it changed itself: insights query EVENTS --{kind} {} --write",
                printable(name)
            ));
        }
    }
}

fn headings(sign_ins: bool, all: bool) -> Vec<Heading> {
    let text = |name: &str| Heading::new(name, Kind::Text);
    let id = |name: &str| Heading::new(name, Kind::Id);
    let mut headings = vec![Heading::new("event_time", Kind::Time), text("principal")];
    if sign_ins {
        headings.extend([id("source_ip_address"), Heading::new("mfa", Kind::Truth), text("outcome")]);
        headings.extend(all.then(|| text("error_message")));
        headings.push(text("user_agent"));
    } else {
        headings.extend([id("access_key_id"), id("source_ip_address"), text("api"), text("outcome")]);
        headings.extend(all.then(|| text("resource_name")));
        headings.push(Heading::new("request_parameters", Kind::Json));
    }
    headings
}

fn change(page: &Page, event: usize, all: bool) -> Vec<Value<'_>> {
    let text = |field| Value::text(page.text(event, field));
    let result = page.text(event, 6);
    let result = outcome(result.as_deref(), page.text(event, 7).as_deref()).to_owned();
    let mut row = vec![Value::time(page.time(event)), text(1), text(2), text(3), text(4), Value::Text(result.into())];
    row.extend(all.then(|| text(5)));
    row.push(text(8));
    row
}

fn sign_in(page: &Page, event: usize, all: bool) -> Vec<Value<'_>> {
    let text = |field| Value::text(page.text(event, field));
    let factor = mfa(page.text(event, 4).as_deref(), page.text(event, 5).as_deref());
    let (result, message) = (page.text(event, 6), page.text(event, 7));
    let result = outcome(result.as_deref(), message.as_deref()).to_owned();
    let mut row = vec![Value::time(page.time(event)), text(1), text(2)];
    row.extend([factor.map_or(Value::Null, Value::Truth), Value::Text(result.into())]);
    row.extend(all.then(|| text(7)));
    row.push(text(3));
    row
}
