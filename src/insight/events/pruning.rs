//! Whether a row group can name an entity at all, by the smallest and largest text that its footer tells of a column.
//!
//! Keys and API names are compared as they are written. Other fields have several spellings (addresses, sessions of a role), so
//! nothing is concluded from them. Where a text may be wrapped in quotes or blanks, which sort before all else, nothing is either.

use parquet::file::statistics::Statistics;

use crate::event::Column;
use crate::insight::events::target::Target;
use crate::partition::EventFile;
use crate::rollup::{EntityKey, Family};

/// Whether any row of the group may belong to the target.
pub(super) fn may_name(file: &EventFile, group: usize, target: &Target) -> bool {
    let (column, place) = match target.family {
        Family::AccessKey => (Column::AccessKeyId, 1),
        Family::Api | Family::ApiError => (Column::EventName, 2),
        _ => return true,
    };
    let leaves = file.columns.leaves(column);
    let group = file.metadata.metadata().row_group(group);
    let within = |name: &str| {
        leaves.is_empty() || leaves.iter().any(|leaf| may_hold(group.column(leaf.index).statistics(), name))
    };
    let name = |key: &EntityKey| key.fields().nth(place).map(str::to_owned);
    target.keys.iter().any(|key| name(key).is_none_or(|name| within(&name)))
}

/// Whether a text can stand in a column with these statistics.
fn may_hold(statistics: Option<&Statistics>, text: &str) -> bool {
    let Some(Statistics::ByteArray(values)) = statistics else { return true };
    let (Some(least), Some(most)) = (values.min_opt(), values.max_opt()) else { return true };
    let (least, most) = (least.data(), most.data());
    let may_be_wrapped = least.first().is_none_or(|&byte| byte <= b'"');
    may_be_wrapped || (least <= text.as_bytes() && text.as_bytes() <= most)
}

#[cfg(test)]
mod tests {
    use parquet::data_type::ByteArray;

    use super::*;

    fn between(least: &str, most: &str) -> Statistics {
        Statistics::byte_array(Some(ByteArray::from(least)), Some(ByteArray::from(most)), None, None, false)
    }

    #[test]
    fn only_what_lies_outside_for_sure_is_left_out() {
        assert!(may_hold(Some(&between("LTAI2", "LTAI7")), "LTAI5"));
        assert!(!may_hold(Some(&between("LTAI2", "LTAI7")), "LTAI8"));
        assert!(!may_hold(Some(&between("LTAI2", "LTAI7")), "LTAI1"));
        assert!(may_hold(Some(&between("\"LTAI2\"", "LTAI7")), "LTAI8"));
        assert!(may_hold(Some(&between("", "LTAI7")), "LTAI8"));
        assert!(may_hold(None, "LTAI8"));
    }
}
