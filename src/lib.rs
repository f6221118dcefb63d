//! Finds what deviates in cloud audit logs: a nightly job that compares a day with the days before it.
//!
//! The program is a thin shell around this library. Each room below has one thing to know and one way in.
//!
//! # How a night goes
//!
//! ```text
//!   audit logs             events                  rollups                       insights
//!   .json .gz             Parquet, a             Parquet, a                  .jsonl .parquet
//!       │                 folder a day           folder a day                       ▲
//!       │                      │                      │                             │
//!       └── import ──▶ [files] ┴── rollup ──▶ [files] ┴── baseline ── detect ── insight ── report
//!                          │                                                     ▲  │        ▲
//!                          ├───── the flagged hours of the scored day alone ─────┘  ▼        │
//!                          └───── the events that a rule matches ────── rules ─── alert ─────┘
//! ```
//!
//! Only the rollup reads every event, and each day once (more often where somebody makes up more names than memory holds). A rollup
//! holds whole numbers (calls, failed calls, the largest five-minute count) by entity and hour, so the history of a night is small
//! however many events there were. The scored day's events are opened a second time for what was flagged: exact minutes, who, from
//! where, and some event ids. Rules look at the day's events by
//! themselves, and what they match is remembered, so that correlations run on across midnight.
//! [`pipeline::run`] is this picture as code, one call a step, after the nights that late data have overtaken. Its last step reads the
//! night back from the files and makes the page that people read: what a report tells is in the state directory, so it can be made
//! again at any time.
//!
//! # The rooms
//!
//! | room | what it knows |
//! |---|---|
//! | [`error`] | what stops a command, a hint for each, the exit code |
//! | [`time`] | hours and days of UTC: how long they are, when a day begins, spans of its hours |
//! | [`event`] | what an audit event means: columns, dialects, who called, whether it failed, what it changes, how much harm it can do |
//! | [`storage`] | files that are whole or absent, and some without a name; the layout, the lock and the retention of a state directory; nothing about what is in its files |
//! | [`stats`] | distributions, tails, robust weights, false discovery rates: numbers in, numbers out |
//! | [`severity`] | how serious a finding is: one scale for insights, rules and alerts |
//! | [`shown`] | how numbers, times, texts and tables are shown to people, so that nothing in them runs, hides or breaks |
//! | [`place`] | where addresses are: country and network owner, from databases that the settings name |
//! | [`partition`] | a day of events in Parquet, whoever wrote it, as batches of dictionary columns |
//! | [`import`] | log files to partitions, sorted, every event once |
//! | [`generate`] | made-up partitions with planted anomalies and their labels |
//! | [`rollup`] | families and pairs, the scan that counts them, the files that keep the counts |
//! | [`score`] | any count series, judged bucket by bucket by what came before |
//! | [`baseline`] | what the past makes us expect of an entity, whom it usually meets, and which hours of the past can be believed |
//! | [`detect`] | which entities, hours and first meetings the baseline cannot explain, and which changes of rights deserve a look |
//! | [`insight`] | what is said about a deviation: who and since when, night after night, which story, how serious, ATT&CK, a sentence, the vendors' forms |
//! | [`quality`] | what is wrong with a night's input, and what follows from it |
//! | [`rules`] | Sigma rules: reading, checking, compiling and evaluating them, correlations of what they match |
//! | [`alert`] | what matches come to: joined, told at most so often, remembered from day to day and from check to check |
//! | [`late`] | whether what a night reported still stands, now that data have come late or were corrected |
//! | [`query`] | which events there are, how many, by what and when; saved searches; answers as tables, JSON, CSV, Parquet |
//! | [`access_key`] | whose `AccessKeys` there are and what they were used for, from rollups and from events |
//! | [`changes`] | who changed a resource, a user or a role, and who signed in |
//! | [`settings`] | `insights.toml`, environment and command line: what is in force and where it came from |
//! | [`report`] | insights and alerts as lines of JSON, as tables, as text for a terminal; the record and the metrics of a run; a night read back, as a page and as digests |
//! | [`evaluate`] | insights against labels: precision, recall, false alerts, timing, culprits |
//! | [`explain`] | why an entity's day was judged as it was, alarm or not: layers of the baseline, windows, ranks, gates, new company; of changes: events, rules, what makes them serious |
//! | [`pipeline`] | the order of the steps |
//! | [`cli`] | what can be typed; the only room that prints |
//!
//! # Who may use whom
//!
//! A room uses rooms above it in this table, never below; `tests/rooms.rs` reads every `use` and says so. The main lines:
//!
//! ```text
//!   error                           ┌─▶ import, generate
//!   event      ──▶ partition ───────┤
//!   storage                         └─▶ rollup ──▶ baseline ──▶ detect ──▶ insight ──▶ late ──▶ report ──▶ pipeline ──▶ cli
//!   stats      ────────────────────────────────────┴─▶ score ──────────────────────────────────────────────────────────▶ cli
//! ```
//!
//! `time`, `stats`, `severity` and `shown` use nobody. `score` needs no history: it reads its counts with `partition` and writes through `storage`.
//!
//! `place` knows what an address is from `event`. `insight`, `alert`, the answers of `query`, `access_key` and `explain` add places to what
//! they tell; `cli` opens the databases.
//!
//! `quality` looks at `partition`, `rollup` and `baseline`; `report` tells what it found.
//!
//! `rules` uses `event`, `partition` and, to try rules out on log records, `import`. `alert` stands between `rules` and `report`
//! (`rules ──▶ alert ──▶ report`): it uses `rules`, `partition` and `storage`, and from `insight` what is a member of correlations and how
//! names and commands are shown. `late` knows what alerts and insights leave to the next night.
//!
//! `query` reads `partition` and `event` and writes through `storage`. `access_key` and `changes` use
//! `query`, the former also `rollup`; `cli` alone uses the two.
//!
//! `settings` knows the types it fills (of `alert`, `baseline`, `detect`, `event`, `partition`, `query` and `rules`). Only `report`, which notes
//! them in the record of a run, `explain`, which judges by them, `pipeline` and `cli` know `settings`. `evaluate` stands beside the
//! pipeline: it reads what `report` wrote, and only `explain` and `cli` use it. `explain` judges a night again with `baseline` and
//! `detect`, and looks into its events with `query`, for `cli`.
//!
//! # The laws, and what keeps them
//!
//! * **No panics, no `unsafe`.** `unsafe_code` is forbidden; `unwrap`, `expect`, `panic!`, `todo!` and `exit` are lints that continuous
//!   integration turns into errors outside tests.
//! * **Only `cli` prints.** `print_stdout` and `print_stderr` are lints too, and `cli` writes through one small file.
//! * **Hash order never shows.** `iter_over_hash_type` is a lint; what is written is put in order first.
//! * **Same input, same bytes.** Counts are integers and add up in any order, and no file holds the time at which it was written.
//!   Tests compare the rollups of one thread and of several, and count the same events a second time in the plainest way.
//! * **Nothing is skipped in silence.** A file or row that was not used is a [`partition::Problem`] or a number in
//!   [`rollup::ScanCounts`] and stands in the run record; what could not be read makes the exit code 4 as well. Every event that
//!   names an API must be in exactly one API entity, or the run stops with [`Error::Internal`].
//! * **Files are whole or absent.** Everything is written through [`storage`]: beside its place, then renamed; what is asked for no
//!   more is removed.
//! * **The scored day is not its own baseline.** [`baseline::FamilyHistory::split`] is where the two are told apart.
//! * **A silent feed is no evidence.** [`baseline::Feed`] masks hours in which nothing arrived; they neither teach nor alarm.
//! * **Memory is bounded.** A day names at most so many entities of a family ([`rollup::ScanOptions`]); its count sheds to the disk what memory
//!   does not hold, and finds the same as if it had held all.
//! * **Input is hostile.** [`import::Limits`] bound what a file can make us hold, and what reaches a terminal has a mark for
//!   whatever does not show. What a report reads back is [`report::night::Text`], which leaves only escaped, with a mark for
//!   whatever does not show.
//!
//! # Where to start reading
//!
//! [`pipeline`] for the order of things; then [`rollup::family`], the tables that say what is counted; then [`detect::rate`],
//! the heart of the decision, with [`baseline::seasonal`] for the model it asks. For the command line begin in [`cli`]. To make
//! a format readable that is not yet, begin in [`event::dialect`].

#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

pub mod access_key;
pub mod alert;
pub mod baseline;
pub mod changes;
pub mod cli;
pub mod detect;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod explain;
pub mod generate;
pub mod import;
pub mod insight;
pub mod late;
pub mod partition;
pub mod pipeline;
pub mod place;
pub mod quality;
pub mod query;
pub mod report;
pub mod rollup;
pub mod rules;
pub mod score;
pub mod settings;
pub mod severity;
pub mod shown;
pub mod stats;
pub mod storage;
pub mod time;

pub use error::{Error, Result};
