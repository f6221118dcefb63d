//! Changes of permissions by those who usually make them: reported if a request is grave, whoever made it.
//!
//! What is asked for stands in the events alone, so such changes are looked into with all that was found; of many of a night few are left.

use crate::detect::change::Reason;
use crate::insight::NightFindings;
use crate::insight::events::evidence::Evidence;
use crate::insight::events::usual::Usual;
use crate::insight::requests::concern::Concern;

impl NightFindings {
    /// Leaves out usual changes whose requests are not grave, with what the events tell of them: `evidence` and `usual` are those of
    /// [`NightFindings::targets`].
    #[must_use]
    pub fn leaving_harmless_out(mut self, evidence: &mut Vec<Evidence>, usual: &mut Vec<Usual>) -> Self {
        let first = self.reported().count();
        let Some((_, changes)) = &mut self.changes else { return self };
        let told = changes.iter().zip(evidence.iter().skip(first));
        let is_left: Vec<bool> =
            told.map(|(change, evidence)| change.reason != Reason::Grave || is_grave(evidence)).collect();
        leave(changes, 0, &is_left);
        leave(evidence, first, &is_left);
        leave(usual, first, &is_left);
        self
    }
}

fn is_grave(evidence: &Evidence) -> bool {
    evidence.all_concerns().into_iter().any(Concern::is_grave)
}

/// Leaves of those from `first` on the ones that are said to be left; all before and after them stay.
fn leave<T>(all: &mut Vec<T>, first: usize, is_left: &[bool]) {
    let mut place = 0_usize;
    all.retain(|_| {
        let own = place.checked_sub(first).and_then(|own| is_left.get(own));
        place += 1;
        own.is_none_or(|is_left| *is_left)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_those_that_are_asked_about_can_be_left_out() {
        let mut all: Vec<u32> = (0..6).collect();
        leave(&mut all, 2, &[true, false, true]);
        assert_eq!(all, [0, 1, 2, 4, 5]);
        leave(&mut all, 4, &[false, false]);
        assert_eq!(all, [0, 1, 2, 4]);
    }
}
