//! What belongs together, in nearly linear time: sets that grow into one another, spans that share half of the shorter one's time, and
//! spans that are near one another.
//!
//! A night can have as many findings as an attacker has addresses, so no step may compare each with each.

use std::cmp::Reverse;

/// A span of time, in milliseconds: first moment and end.
pub(in crate::insight) type Span = (i64, i64);

/// Which of some things belong together.
pub(super) struct Groups {
    /// For each thing one before it in its group, or itself; the end of that chain is the group's first.
    before: Vec<usize>,
}

impl Groups {
    /// Things each by itself.
    pub(super) fn alone(count: usize) -> Self {
        Self { before: (0..count).collect() }
    }

    /// The first of the group.
    fn first(&mut self, thing: usize) -> usize {
        let mut first = thing;
        while self.before[first] != first {
            self.before[first] = self.before[self.before[first]];
            first = self.before[first];
        }
        first
    }

    /// Two things belong together.
    pub(super) fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.first(one), self.first(other));
        self.before[one.max(other)] = one.min(other);
    }

    /// The group's first for each thing.
    pub(super) fn firsts(mut self) -> Vec<usize> {
        (0..self.before.len()).map(|thing| self.first(thing)).collect()
    }
}

/// A thing with its span; whether it agrees with all of the others, or with those alone that do.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) thing: usize,
    pub(super) span: Span,
    pub(super) agrees_with_all: bool,
}

/// Joins things whose spans are at most `gap` apart, each with the one before it.
pub(super) fn join_near(members: &mut [(Span, usize)], gap: i64, groups: &mut Groups) {
    members.sort_unstable();
    let mut last: Option<(i64, usize)> = None;
    for &((start, end), thing) in members.iter() {
        let near = last.filter(|(until, _)| start - until <= gap);
        if let Some((_, before)) = near {
            groups.join(before, thing);
        }
        last = Some((near.map_or(end, |(until, _)| until.max(end)), thing));
    }
}

/// Joins members that agree and share at least half of the shorter one's time.
///
/// A span shares at least half of its time with another that is no shorter if, and only if, its middle lies in that one. So each is asked,
/// the longest first, which of those before it hold its middle.
pub(super) fn join_overlapping(members: &mut Vec<Member>, groups: &mut Groups) {
    members.retain(|member| member.span.1 > member.span.0);
    members.sort_by_key(|member| (Reverse(member.span.1 - member.span.0), member.thing));
    let mut middles: Vec<i64> = members.iter().map(|member| member.span.0 + member.span.1).collect();
    middles.sort_unstable();
    middles.dedup();
    let (mut all, mut some) = (Stabbed::over(&middles), Stabbed::over(&middles));
    for member in members.iter() {
        all.join_with(member, groups);
        if member.agrees_with_all {
            some.join_with(member, groups);
        }
        (if member.agrees_with_all { &mut all } else { &mut some }).add(member);
    }
}

/// Spans in a tree over the places at which they are asked for: a node holds those that cover all of its places and not all of its
/// parent's. All at a node are joined when one of its places is asked for, so one of them is enough from then on.
struct Stabbed<'m> {
    /// Twice the middles of all spans, ascending.
    middles: &'m [i64],
    nodes: Vec<Vec<usize>>,
}

impl<'m> Stabbed<'m> {
    fn over(middles: &'m [i64]) -> Self {
        Self { middles, nodes: vec![Vec::new(); 2 * middles.len()] }
    }

    /// Joins a member with all whose spans hold its middle.
    fn join_with(&mut self, member: &Member, groups: &mut Groups) {
        let place = self.middles.partition_point(|middle| *middle < member.span.0 + member.span.1);
        let mut node = place + self.middles.len();
        while node > 0 {
            let held = &mut self.nodes[node];
            held.iter().for_each(|&other| groups.join(member.thing, other));
            held.truncate(1);
            node /= 2;
        }
    }

    fn add(&mut self, member: &Member) {
        let mut first = self.middles.partition_point(|middle| *middle < 2 * member.span.0) + self.middles.len();
        let mut end = self.middles.partition_point(|middle| *middle <= 2 * member.span.1) + self.middles.len();
        while first < end {
            if first % 2 == 1 {
                self.nodes[first].push(member.thing);
                first += 1;
            }
            if end % 2 == 1 {
                end -= 1;
                self.nodes[end].push(member.thing);
            }
            (first, end) = (first / 2, end / 2);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plainly(members: &[Member]) -> Vec<usize> {
        let mut groups = Groups::alone(members.len());
        for (place, left) in members.iter().enumerate() {
            for right in &members[..place] {
                let common = left.span.1.min(right.span.1) - left.span.0.max(right.span.0);
                let shorter = (left.span.1 - left.span.0).min(right.span.1 - right.span.0);
                if (left.agrees_with_all || right.agrees_with_all) && common > 0 && 2 * common >= shorter {
                    groups.join(left.thing, right.thing);
                }
            }
        }
        groups.firsts()
    }

    proptest! {
        #[test]
        fn the_groups_are_those_of_comparing_each_with_each(
            spans in prop::collection::vec((0_i64..40, 0_i64..12, any::<bool>()), 0..40)
        ) {
            let member = |(thing, &(start, length, agrees_with_all)): (usize, &(i64, i64, bool))| {
                Member { thing, span: (start, start + length), agrees_with_all }
            };
            let mut members: Vec<Member> = spans.iter().enumerate().map(member).collect();
            let expected = plainly(&members);
            let mut groups = Groups::alone(members.len());
            join_overlapping(&mut members, &mut groups);
            prop_assert_eq!(groups.firsts(), expected);
        }

        #[test]
        fn what_is_near_is_joined_and_nothing_else(spans in prop::collection::vec((0_i64..60, 0_i64..9), 0..30), gap in 0_i64..5) {
            let mut members: Vec<(Span, usize)> =
                spans.iter().enumerate().map(|(thing, &(start, length))| ((start, start + length), thing)).collect();
            let mut plainly = Groups::alone(members.len());
            for (one, (left, _)) in members.iter().enumerate() {
                for (other, (right, _)) in members.iter().enumerate() {
                    if left.0.max(right.0) - left.1.min(right.1) <= gap {
                        plainly.join(one, other);
                    }
                }
            }
            let mut groups = Groups::alone(members.len());
            join_near(&mut members, gap, &mut groups);
            prop_assert_eq!(groups.firsts(), plainly.firsts());
        }
    }
}
