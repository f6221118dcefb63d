//! The sieve: which rows any rule might match, told from a few cheap columns.
//!
//! First the dictionaries of a row group are looked at: rules that want what is not in them are out before a row is decoded, and with
//! no rule left the row group is not read at all. Then the columns that hold the remaining rules back best are decoded, and a row is a
//! candidate for the rules that none of its values rules out; where that leaves many rows, the other telling columns are decoded too.
//! That is an over-approximation: it never loses a match, and [`exact`](crate::rules::evaluate::exact) decides. Sets of rules have
//! numbers, and what two sets leave is looked up, so that a row costs a few look-ups however many rules there are.

use std::ops::Range;

use hashbrown::HashMap;

use crate::error::Result;
use crate::event::Column;
use crate::partition::{EventBatch, EventFile, RowChoice, RowGroupReader, is_absent, lies_within};
use crate::rules::compile::{Compiled, Program, Value};
use crate::rules::evaluate::candidates::Candidates;
use crate::rules::evaluate::channel::{Channel, Outlook, Source};
use crate::rules::evaluate::rule_sets::{NOTHING, RuleSets, SetId};
use crate::rules::evaluate::{Dictionaries, Layout, Truth, alternatives};
use crate::rules::field::Operand;

/// Columns with few distinct values, the most telling first; between the first and the others stands whether the call failed.
const CHEAP: [Column; 13] = [
    Column::EventName,
    Column::ErrorCode,
    Column::UserIdentityType,
    Column::ServiceName,
    Column::EventSource,
    Column::EventType,
    Column::Cloud,
    Column::EventRw,
    Column::MfaAuthenticated,
    Column::EventCategory,
    Column::Region,
    Column::AccountId,
    Column::RecipientAccountId,
];

/// Columns with many, looked at only for rules about which the cheap ones tell nothing.
const DEAR: [Column; 8] = [
    Column::ErrorMessage,
    Column::UserAgent,
    Column::SourceIpAddress,
    Column::AccessKeyId,
    Column::UserName,
    Column::PrincipalId,
    Column::ResourceType,
    Column::ResourceName,
];

/// Of how many rows one may be open before further columns are decoded: deciding a row costs about as much as decoding so many.
const CROWDED: usize = 32;

/// Finds candidates in row groups.
#[derive(Debug)]
pub struct Sieve<'p> {
    program: &'p Program,
    channels: Vec<Channel>,
    sets: RuleSets,
    /// What is left where some columns (bits) hold nothing.
    by_absence: HashMap<u32, SetId>,
}

/// What the sieve leaves of a row group.
#[derive(Debug, Default)]
pub struct Sifted {
    /// Rows within the span of time.
    pub events: u64,
    /// Those among them that rules might match.
    pub candidates: Candidates,
}

/// How the rows of a row group are sifted.
#[derive(Debug, Default)]
struct Passes {
    /// The rules that the dictionaries leave.
    alive: SetId,
    /// The channels that hold them back, and the others that tell anything.
    first: Vec<usize>,
    rest: Vec<usize>,
}

impl<'p> Sieve<'p> {
    /// A sieve for a program's rules.
    pub fn new(program: &'p Program) -> Self {
        let sets = RuleSets::new(program.rules.len());
        let sieve = Self { program, channels: Vec::new(), sets, by_absence: HashMap::new() };
        let asked = |source: Source, among: &[usize]| -> Vec<usize> {
            among.iter().copied().filter(|&rule| sieve.asks(rule, |predicate| source.tells(predicate))).collect()
        };
        let every: Vec<usize> = (0..program.rules.len()).collect();
        let loose: Vec<usize> = every.iter().copied().filter(|&rule| !sieve.is_held(rule)).collect();
        let mut cheap: Vec<Source> = CHEAP.map(Source::Column).to_vec();
        cheap.insert(1, Source::Failed);
        let dear = DEAR.into_iter().map(Source::Column).filter(|source| !asked(*source, &loose).is_empty());
        let channels = cheap.into_iter().chain(dear).map(|source| Channel::new(source, asked(source, &every)));
        let channels = channels.filter(|channel| !channel.rules.is_empty()).collect();
        Self { channels, ..sieve }
    }

    /// The columns that any row group may be sifted by.
    pub fn layout(&self) -> Layout {
        Layout::new(self.channels.iter().flat_map(|channel| channel.source.columns()))
    }

    /// Sifts the rows of a row group that lie within a span of time (milliseconds).
    ///
    /// # Errors
    /// When the row group cannot be read.
    pub fn sift(&mut self, file: &EventFile, group: usize, span: &Range<i64>) -> Result<Sifted> {
        if self.sets.is_full() {
            self.sets.forget();
            self.by_absence.clear();
            self.channels.iter_mut().for_each(Channel::forget);
        }
        let passes = self.look_ahead(file, group)?;
        let rows = file.row_groups[group].rows;
        let timeless = lies_within(file, group, span);
        if timeless && passes.alive == NOTHING {
            return Ok(Sifted { events: rows, ..Sifted::default() });
        }
        let (mut open, timed) = self.first_pass(file, group, &passes, (!timeless).then_some(span))?;
        if open.len() > rows as usize / CROWDED && !passes.rest.is_empty() {
            self.second_pass(file, group, &passes.rest, &mut open)?;
        }
        let events = if timeless { rows } else { timed };
        Ok(Sifted { events, candidates: Candidates::new(&open, &self.sets) })
    }

    /// Asks the dictionaries of a row group which rules can match in it at all, and which channels tell rows apart.
    fn look_ahead(&mut self, file: &EventFile, group: usize) -> Result<Passes> {
        let mut alive = self.left_by_absence(file, group);
        let mut told: Vec<(usize, Option<Outlook>)> = Vec::new();
        for (place, channel) in self.channels.iter_mut().enumerate() {
            let rules = self.sets.of(&channel.rules);
            if self.sets.both(alive, rules) == NOTHING {
                continue;
            }
            let outlook = channel.outlook(file, group, self.program, &mut self.sets)?;
            if let Some(outlook) = &outlook {
                let left: Vec<SetId> = outlook.iter().map(|(set, _)| *set).collect();
                let left = self.sets.any(&left);
                alive = self.sets.both(alive, left);
            }
            told.push((place, outlook));
        }
        let mut passes = Passes { alive, ..Passes::default() };
        if alive != NOTHING {
            self.choose(told, &mut passes);
        }
        Ok(passes)
    }

    /// The rules that can match although some columns hold nothing in a row group, those of JSON among them.
    fn left_by_absence(&mut self, file: &EventFile, group: usize) -> SetId {
        let absent = |column: &Column| is_absent(file, group, alternatives(*column));
        let bits =
            Column::ALL.iter().filter(|column| absent(column)).fold(0, |bits, column| bits | 1 << *column as u32);
        if let Some(&known) = self.by_absence.get(&bits) {
            return known;
        }
        let program = self.program;
        let nothing = |predicate: &Compiled| {
            let columns = predicate.columns();
            let plain = matches!(predicate.operand, Operand::Column(..) | Operand::Json { .. });
            plain && columns.iter().all(|column| bits >> *column as u32 & 1 == 1)
        };
        let decide = |predicate: u32| {
            let predicate = &program.predicates[predicate as usize];
            if nothing(predicate) { predicate.holds(&Value::Absent, &|_| Vec::new()).into() } else { Truth::Unknown }
        };
        let out =
            |rule: &usize| program.rules[*rule].condition.truth(&mut |predicate| decide(predicate)) == Truth::False;
        let left = self.sets.without((0..program.rules.len()).filter(out));
        self.by_absence.insert(bits, left);
        left
    }

    /// Chooses for each rule the first channel that holds it back; the columns of the chosen serve other channels too.
    fn choose(&mut self, told: Vec<(usize, Option<Outlook>)>, passes: &mut Passes) {
        let alive = passes.alive;
        let mut free: Vec<usize> = self.sets.rules(alive).collect();
        for (place, outlook) in told {
            let mut tells = |(set, _): &(SetId, usize)| self.sets.both(alive, *set) != alive;
            if outlook.as_ref().is_some_and(|outlook| !outlook.iter().any(&mut tells)) {
                continue;
            }
            let before = free.len();
            free.retain(|&rule| !self.holds_back(place, outlook.as_ref(), rule));
            if free.len() < before { &mut passes.first } else { &mut passes.rest }.push(place);
        }
        let columns = |place: &usize| self.channels[*place].source.columns();
        let decoded: Vec<Column> = passes.first.iter().flat_map(columns).collect();
        let at_hand = |place: &usize| columns(place).iter().all(|column| decoded.contains(column));
        let (more, rest): (Vec<usize>, Vec<usize>) = std::mem::take(&mut passes.rest).into_iter().partition(at_hand);
        passes.rest = rest;
        passes.first.extend(more);
    }

    /// Whether a channel rules out a rule by at least half of the values there are.
    fn holds_back(&self, place: usize, outlook: Option<&Outlook>, rule: usize) -> bool {
        let Some(outlook) = outlook else { return self.channels[place].rules.contains(&rule) };
        let all: usize = outlook.iter().map(|(_, values)| values).sum();
        let leave = outlook.iter().filter(|(set, _)| self.sets.has(*set, rule));
        leave.map(|(_, values)| values).sum::<usize>() * 2 <= all
    }

    /// The rows that the first channels leave, and how many rows lie within the span, if there is one to be heeded.
    fn first_pass(
        &mut self,
        file: &EventFile,
        group: usize,
        passes: &Passes,
        span: Option<&Range<i64>>,
    ) -> Result<(Vec<(u32, SetId)>, u64)> {
        let mut open = Vec::new();
        let mut events = 0;
        let mut of_batch = Vec::new();
        self.each_batch(file, group, &passes.first, span.is_some(), |channels, sets, batch, layout, first| {
            of_batch.clear();
            match channels.split_first_mut() {
                _ if passes.alive == NOTHING => {}
                None => of_batch.extend((0..batch.rows as u32).map(|row| (row, passes.alive))),
                Some((channel, others)) => {
                    channel.open(batch, layout, passes.alive, sets, &mut of_batch);
                    others.iter_mut().for_each(|channel| channel.narrow(batch, layout, 0, sets, &mut of_batch));
                }
            }
            if let Some(span) = span {
                events += batch.times.iter().filter(|time| span.contains(time)).count() as u64;
                of_batch.retain(|(row, _)| span.contains(&batch.times[*row as usize]));
            }
            open.extend(of_batch.iter().map(|(row, set)| (first + row, *set)));
        })?;
        Ok((open, events))
    }

    /// Drops the rows that further channels rule out.
    fn second_pass(
        &mut self,
        file: &EventFile,
        group: usize,
        channels: &[usize],
        open: &mut Vec<(u32, SetId)>,
    ) -> Result<()> {
        let mut left = Vec::new();
        let mut of_batch = Vec::new();
        self.each_batch(file, group, channels, false, |channels, sets, batch, layout, first| {
            of_batch.clear();
            let begin = open.partition_point(|(row, _)| *row < first);
            let end = open.partition_point(|(row, _)| *row < first + batch.rows as u32);
            of_batch.extend_from_slice(&open[begin..end]);
            channels.iter_mut().for_each(|channel| channel.narrow(batch, layout, first, sets, &mut of_batch));
            left.append(&mut of_batch);
        })?;
        *open = left;
        Ok(())
    }

    /// Decodes the columns of some channels, batch by batch; `look` gets the channels, and the number of the batch's first row.
    fn each_batch(
        &mut self,
        file: &EventFile,
        group: usize,
        places: &[usize],
        times: bool,
        mut look: impl FnMut(&mut [&mut Channel], &mut RuleSets, &EventBatch, &Layout, u32),
    ) -> Result<()> {
        let chosen = self.channels.iter_mut().enumerate().filter(|(place, _)| places.contains(place));
        let mut channels: Vec<&mut Channel> = chosen.map(|(_, channel)| channel).collect();
        let layout = Layout::new(channels.iter().flat_map(|channel| channel.source.columns()));
        channels.iter_mut().for_each(|channel| channel.begin_rows());
        let mut dictionaries = Dictionaries::default();
        let mut first = 0;
        for batch in
            RowGroupReader::open_rows(file, group, layout.columns(), RowChoice { times, ..RowChoice::default() })?
        {
            let batch = batch?;
            dictionaries.begin(&batch);
            for channel in &mut channels {
                channel.begin(&batch, &layout, &dictionaries, self.program, &mut self.sets);
            }
            look(&mut channels, &mut self.sets, &batch, &layout, first);
            first += batch.rows as u32;
        }
        Ok(())
    }

    fn asks(&self, rule: usize, what: impl Fn(&Compiled) -> bool) -> bool {
        let mut asks = false;
        self.program.rules[rule].condition.visit(&mut |predicate| {
            asks |= what(&self.program.predicates[predicate as usize]);
        });
        asks
    }

    /// Whether the cheap columns rule out the rule for a row whose values it does not name.
    fn is_held(&self, rule: usize) -> bool {
        let truth = self.program.rules[rule].condition.truth(&mut |predicate| {
            let predicate = &self.program.predicates[predicate as usize];
            let mut cheap = CHEAP.into_iter().filter(|column| *column != Column::Cloud).map(Source::Column);
            if cheap.any(|source| source.tells(predicate)) || Source::Failed.tells(predicate) {
                Truth::False
            } else {
                Truth::Unknown
            }
        });
        truth == Truth::False
    }
}
