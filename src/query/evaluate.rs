//! Conditions on batches: each test once for every distinct value, then a look-up for each row.

use crate::event::Column;
use crate::partition::{EventBatch, TextColumn};
use crate::query::Condition;
use crate::query::condition::ValueTest;

/// A condition that is ready to be asked of the batches of one row group.
#[derive(Debug)]
pub(super) struct Evaluator<'condition> {
    /// The columns that the batches must have, in this order.
    pub(super) columns: Vec<&'static [Column]>,
    root: Node<'condition>,
}

#[derive(Debug)]
enum Node<'condition> {
    Test(Leaf<'condition>),
    Not(Box<Self>),
    All(Vec<Self>),
    Any(Vec<Self>),
}

#[derive(Debug)]
struct Leaf<'condition> {
    slot: usize,
    test: &'condition ValueTest,
    /// The answers by key, and the column they were made for: its dictionary must stay alive to be compared with.
    known: Option<(TextColumn, Vec<bool>)>,
}

impl<'condition> Evaluator<'condition> {
    pub(super) fn new(condition: &'condition Condition) -> Self {
        let columns = condition.columns();
        let root = Node::new(condition, &columns);
        Self { columns, root }
    }

    /// For each row whether it meets the condition.
    pub(super) fn mask(&mut self, batch: &EventBatch) -> Vec<bool> {
        self.root.mask(batch)
    }

    /// Whether the values seen so far leave it possible that a row meets the condition.
    pub(super) fn is_possible(&self) -> bool {
        self.root.outcomes().0
    }
}

impl<'condition> Node<'condition> {
    fn new(condition: &'condition Condition, columns: &[&'static [Column]]) -> Self {
        let all = |parts: &'condition [Condition]| parts.iter().map(|part| Self::new(part, columns)).collect();
        match condition {
            Condition::Test(of, test) => {
                let slot = columns.iter().position(|columns| columns == of).unwrap_or_default();
                Self::Test(Leaf { slot, test, known: None })
            }
            Condition::Not(inner) => Self::Not(Box::new(Self::new(inner, columns))),
            Condition::All(parts) => Self::All(all(parts)),
            Condition::Any(parts) => Self::Any(all(parts)),
        }
    }

    fn mask(&mut self, batch: &EventBatch) -> Vec<bool> {
        match self {
            Self::Test(leaf) => leaf.mask(batch),
            Self::Not(inner) => {
                let mut mask = inner.mask(batch);
                for met in &mut mask {
                    *met = !*met;
                }
                mask
            }
            Self::All(parts) => join(parts, batch, true, |left, right| left & right),
            Self::Any(parts) => join(parts, batch, false, |left, right| left | right),
        }
    }

    /// Whether a row can meet the condition, and whether a row can fail it.
    fn outcomes(&self) -> (bool, bool) {
        match self {
            Self::Test(leaf) => match &leaf.known {
                Some((_, answers)) => (answers.contains(&true), answers.contains(&false)),
                None => (true, true),
            },
            Self::Not(inner) => {
                let (met, failed) = inner.outcomes();
                (failed, met)
            }
            Self::All(parts) => {
                (parts.iter().all(|part| part.outcomes().0), parts.iter().any(|part| part.outcomes().1))
            }
            Self::Any(parts) => {
                (parts.iter().any(|part| part.outcomes().0), parts.iter().all(|part| part.outcomes().1))
            }
        }
    }
}

fn join(parts: &mut [Node<'_>], batch: &EventBatch, start: bool, with: fn(bool, bool) -> bool) -> Vec<bool> {
    let mut joined = vec![start; batch.rows];
    for part in parts {
        for (met, other) in joined.iter_mut().zip(part.mask(batch)) {
            *met = with(*met, other);
        }
    }
    joined
}

impl Leaf<'_> {
    fn mask(&mut self, batch: &EventBatch) -> Vec<bool> {
        let column = &batch.columns[self.slot];
        if !self.known.as_ref().is_some_and(|(known, _)| known.same_dictionary(column)) {
            let keys = 0..column.key_count() as i32;
            let answers = keys.map(|key| self.test.passes(column.value(key))).collect();
            self.known = Some((column.without_rows(), answers));
        }
        let answers = self.known.as_ref().map_or(&[][..], |(_, answers)| answers);
        match column.keys() {
            Some(keys) => keys.iter().map(|&key| answers[key as usize]).collect(),
            None => vec![answers[0]; batch.rows],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::condition::View;
    use crate::query::pattern::Patterns;

    const EVENT: &[Column] = &[Column::EventName];
    const USER: &[Column] = &[Column::UserName];

    fn is(columns: &'static [Column], text: &str) -> Condition {
        let globs = Patterns::parse(&[text.to_owned()], true).unwrap().wanted;
        Condition::Test(columns, ValueTest::Globs(View::AsIs, globs))
    }

    fn batch(columns: &[&[Option<&str>]]) -> EventBatch {
        let column = |texts: &&[Option<&str>]| {
            let array: arrow::array::ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(texts.to_vec()));
            TextColumn::from_array(&array).unwrap()
        };
        EventBatch { rows: columns[0].len(), times: Vec::new().into(), columns: columns.iter().map(column).collect() }
    }

    #[test]
    fn conditions_join_row_by_row() {
        let condition = Condition::All(vec![
            Condition::Any(vec![is(EVENT, "Delete*"), is(USER, "root")]),
            Condition::Not(Box::new(is(USER, "svc"))),
        ]);
        let mut evaluator = Evaluator::new(&condition);
        assert_eq!(evaluator.columns, [EVENT, USER]);
        let events = [Some("DeleteDisk"), Some("DeleteDisk"), Some("List"), Some("List"), None];
        let users = [Some("svc"), None, Some("root"), Some("eve"), Some("root")];
        assert_eq!(evaluator.mask(&batch(&[&events, &users])), [false, true, true, false, true]);
        assert!(evaluator.is_possible());
    }

    #[test]
    fn values_tell_what_cannot_be() {
        let condition = is(EVENT, "Delete*");
        let negated = Condition::Not(Box::new(Condition::Test(EVENT, ValueTest::Present)));
        let mut evaluators = [Evaluator::new(&condition), Evaluator::new(&negated)];
        for evaluator in &mut evaluators {
            assert!(evaluator.is_possible(), "nothing was seen yet");
            evaluator.mask(&batch(&[&[Some("List"), Some("Get")]]));
        }
        assert!(!evaluators[0].is_possible());
        // A null may follow in a later batch whose dictionary is the same.
        assert!(evaluators[1].is_possible());
    }
}
