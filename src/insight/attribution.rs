//! An attribution: the values of one attribute that an insight is explained by, beside those that were usual.
//!
//! This is its form alone, which every output writes down. Which values explain an insight best is found in
//! [`compared`](crate::insight::events), where events are.

use serde::Serialize;

use crate::insight::attribute::Attribute;
use crate::shown::OTHER;

/// A value and how often it was seen during an insight, in calls a minute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Share {
    /// Calls a minute.
    pub average: f64,
    /// The value.
    pub value: String,
}

/// Who, from where, with what: the top values of one attribute.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Attribution {
    /// The attribute.
    pub attribute: Attribute,
    /// The values that best explain the insight, the most telling first.
    pub insight: Vec<Share>,
    /// The top values of the seven days before the start; `None` where that is not known.
    pub baseline: Option<Vec<Share>>,
    /// Whether no value stands out: the first explains less than two fifths of the change.
    pub broad: bool,
    /// Whether the first value explains more than half of the change: of several attributes' first values those that do have events in common.
    #[serde(skip)]
    pub most: bool,
}

impl Attribution {
    /// The value with the most calls among those that are named.
    pub fn busiest(&self) -> Option<&Share> {
        self.insight
            .iter()
            .filter(|share| share.value != OTHER)
            .max_by(|left, right| left.average.total_cmp(&right.average))
    }

    /// The value that explains more than half of the change, if one does.
    pub fn culprit(&self) -> Option<&str> {
        self.insight.first().filter(|share| self.most && share.value != OTHER).map(|share| share.value.as_str())
    }

    /// The calls a minute of a value in the seven days before; `None` where they are not known. Only the top values are.
    pub fn usual(&self, value: &str) -> Option<f64> {
        self.baseline.iter().flatten().find(|share| share.value == value).map(|share| share.average)
    }
}
