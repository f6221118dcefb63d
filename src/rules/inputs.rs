//! What correlations remember of their members: numbers in place of texts, by correlation, and no more than so many.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

/// The most members that are remembered at a time; those beyond are counted.
pub const MOST_INPUTS: usize = 5_000_000;

/// Entries of a table up to which it is not worth while to look for those that nobody needs.
const SPARE: usize = 65_536;

/// Stands for a value or an id that there is none of.
const NONE: u32 = u32::MAX;

/// A member of a group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Input {
    pub(super) time: i64,
    pub(super) group: u32,
    pub(super) member: u32,
    value: u32,
    id: u32,
}

impl Input {
    pub(super) fn new(time: i64, group: u32, member: usize, value: Option<u32>, id: Option<u32>) -> Self {
        Self { time, group, member: member as u32, value: value.unwrap_or(NONE), id: id.unwrap_or(NONE) }
    }

    /// The number of what was measured.
    pub(super) fn value(self) -> Option<u32> {
        (self.value != NONE).then_some(self.value)
    }

    /// The number of the event's or insight's id.
    pub(super) fn id(self) -> Option<u32> {
        (self.id != NONE).then_some(self.id)
    }
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// By the correlation's position.
    by_rule: BTreeMap<usize, Vec<Input>>,
    count: usize,
    texts: Texts,
    groups: HashMap<Box<[u32]>, u32>,
    /// The texts' numbers of each group.
    members: Vec<Box<[u32]>>,
    values: Texts,
    /// The measured texts as millionths, sums of which are exact in whatever order.
    numbers: Vec<Option<i128>>,
    ids: Vec<Arc<str>>,
    /// Entries of the tables that were needed when this was looked at last.
    needed: usize,
}

/// Texts by number, each once.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&known) = self.numbers.get(text) {
            return known;
        }
        let number = self.texts.len() as u32;
        self.numbers.insert(text.into(), number);
        self.texts.push(text.into());
        number
    }
}

impl Inputs {
    /// Whether no more are taken.
    pub(super) fn is_full(&self) -> bool {
        self.count >= MOST_INPUTS
    }

    /// Remembers a member of a correlation.
    pub(super) fn add(&mut self, rule: usize, input: Input) {
        self.count += 1;
        self.by_rule.entry(rule).or_default().push(input);
    }

    /// The number of the group with these values, which come in the order of `group-by`.
    pub(super) fn group<'t>(&mut self, values: impl Iterator<Item = &'t str>) -> u32 {
        let numbers: Vec<u32> = values.map(|text| self.texts.number(text)).collect();
        self.group_of(numbers)
    }

    /// The group with some of another group's values.
    pub(super) fn part_of_group(&mut self, group: u32, places: &[usize]) -> u32 {
        let values = &self.members[group as usize];
        let numbers = places.iter().filter_map(|place| values.get(*place).copied()).collect();
        self.group_of(numbers)
    }

    fn group_of(&mut self, numbers: Vec<u32>) -> u32 {
        if let Some(&known) = self.groups.get(numbers.as_slice()) {
            return known;
        }
        let number = self.members.len() as u32;
        self.members.push(numbers.clone().into_boxed_slice());
        self.groups.insert(numbers.into_boxed_slice(), number);
        number
    }

    /// The values of a group.
    pub(super) fn group_values(&self, group: u32) -> impl Iterator<Item = &str> {
        self.members[group as usize].iter().map(|&text| &*self.texts.texts[text as usize])
    }

    /// The number of what was measured, if anything is.
    pub(super) fn measured(&mut self, texts: &[&str]) -> Option<u32> {
        match texts {
            [] => None,
            [one] => Some(self.value(one)),
            several => Some(self.value(&several.join("\u{1f}"))),
        }
    }

    /// The number of what is measured in some of a group's values, if anything is.
    pub(super) fn measured_of_group(&mut self, group: u32, places: &[usize]) -> Option<u32> {
        let texts: Vec<String> = self.group_values(group).map(str::to_owned).collect();
        let texts: Vec<&str> = places.iter().filter_map(|place| texts.get(*place).map(String::as_str)).collect();
        self.measured(&texts)
    }

    fn value(&mut self, text: &str) -> u32 {
        let number = self.values.number(text);
        if self.numbers.len() <= number as usize {
            self.numbers.push(text.trim().parse().ok().and_then(millionths));
        }
        number
    }

    /// What was measured, in millionths, if it is a number.
    pub(super) fn millionths(&self, input: Input) -> Option<i128> {
        self.numbers[input.value()? as usize]
    }

    /// The number of an id.
    pub(super) fn id(&mut self, id: &Arc<str>) -> u32 {
        self.ids.push(Arc::clone(id));
        self.ids.len() as u32 - 1
    }

    /// The id of a member, if it has one.
    pub(super) fn id_of(&self, input: Input) -> Option<&Arc<str>> {
        Some(&self.ids[input.id()? as usize])
    }

    /// The members of a correlation, and those in `more`, in an order that does not depend on that of their arrival but for the groups.
    pub(super) fn in_order(&self, rule: usize, more: &[Input]) -> Vec<Input> {
        let mut inputs = [self.by_rule.get(&rule).map_or(&[] as &[Input], Vec::as_slice), more].concat();
        let text = |input: &Input| input.value().map(|value| &*self.values.texts[value as usize]);
        inputs.sort_unstable_by(|left, right| {
            let order = |input: &Input| (input.group, input.time, input.member);
            let ids = || self.id_of(*left).cmp(&self.id_of(*right));
            order(left).cmp(&order(right)).then_with(ids).then_with(|| text(left).cmp(&text(right)))
        });
        inputs
    }

    /// Forgets the members of a correlation up to a moment.
    pub(super) fn forget_until(&mut self, rule: usize, moment: i64) {
        if let Some(inputs) = self.by_rule.get_mut(&rule) {
            let before = inputs.len();
            inputs.retain(|input| input.time > moment);
            self.count -= before - inputs.len();
        }
    }

    /// Forgets texts, groups, values and ids that no member has any more, once there are as many of them as of the others.
    pub(super) fn compact(&mut self) {
        if self.entries() <= 2 * self.needed + SPARE {
            return;
        }
        let old = std::mem::take(self);
        let mut ids: HashMap<u32, u32> = HashMap::new();
        for (&rule, inputs) in &old.by_rule {
            for input in inputs {
                let group = self.group(old.group_values(input.group));
                let value = input.value().map(|value| self.value(&old.values.texts[value as usize]));
                let id = input.id().map(|id| *ids.entry(id).or_insert_with(|| self.id(&old.ids[id as usize])));
                self.add(rule, Input::new(input.time, group, input.member as usize, value, id));
            }
        }
        self.needed = self.entries();
    }

    fn entries(&self) -> usize {
        self.ids.len() + self.members.len() + self.texts.texts.len() + self.values.texts.len()
    }
}

fn millionths(number: f64) -> Option<i128> {
    let scaled = (number * 1e6).round();
    (scaled.abs() < 1e30).then_some(scaled as i128)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The members of rule 0 as texts: group, value, id.
    fn shown(inputs: &Inputs) -> Vec<(i64, String, Option<String>, Option<String>)> {
        let shown = |input: &Input| {
            let group = inputs.group_values(input.group).collect::<Vec<_>>().join(" ");
            let value = input.value().map(|value| inputs.values.texts[value as usize].to_string());
            (input.time, group, value, inputs.id_of(*input).map(ToString::to_string))
        };
        inputs.in_order(0, &[]).iter().map(shown).collect()
    }

    #[test]
    fn what_nobody_needs_any_more_is_forgotten() {
        let mut inputs = Inputs::default();
        let mut most = 0;
        for day in 0..40_i64 {
            for number in 0..10_000 {
                let group = inputs.group([format!("{day}"), format!("{}", number % 100)].iter().map(String::as_str));
                let value = inputs.measured(&[&format!("{}", day * 10_000 + number)]);
                let id = inputs.id(&Arc::from(format!("e{day}-{number}")));
                inputs.add(0, Input::new(day, group, 0, value, Some(id)));
            }
            inputs.forget_until(0, day - 1);
            inputs.compact();
            most = most.max(inputs.entries());
        }
        // A day has 20,000 ids and values and some hundred groups and texts; 40 days have 800,000.
        assert!(most < 2 * 21_000 + SPARE + 21_000, "{most}");
        assert_eq!(inputs.count, 10_000);
        let mut shown = shown(&inputs);
        shown.sort();
        assert_eq!(shown[0], (39, "39 0".to_owned(), Some("390000".to_owned()), Some("e39-0".to_owned())));
        assert_eq!(inputs.millionths(inputs.in_order(0, &[])[0]).map(|number| number / 1_000_000), Some(390_000));
    }
}
