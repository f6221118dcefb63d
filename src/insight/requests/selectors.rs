//! The selectors that say which events a trail records, in the form that has conditions on fields.
//!
//! A trail records a management event if one of its selectors fits. A selector with no condition but that of the category fits all;
//! two that divide them by whether they only read do so together.

use serde_json::Value;

/// Whether a request sets such selectors, and they leave out some management events.
pub(super) fn leave_events_out(request: &Value) -> bool {
    let Some(selectors) = field(request, "advancedEventSelectors").and_then(Value::as_array) else { return false };
    let of_management: Vec<Vec<&Value>> = selectors.iter().filter_map(other_conditions).collect();
    let reads = |wanted: &str| {
        of_management.iter().any(|others| matches!(others[..], [one] if is_equal(one, "readOnly", wanted)))
    };
    let fits_all = of_management.iter().any(Vec::is_empty) || (reads("true") && reads("false"));
    !fits_all
}

/// The conditions of a selector of management events beside that of the category; `None` for another selector.
fn other_conditions(selector: &Value) -> Option<Vec<&Value>> {
    let conditions = field(selector, "fieldSelectors")?.as_array()?;
    let (category, others): (Vec<&Value>, Vec<&Value>) =
        conditions.iter().partition(|condition| is_equal(condition, "eventCategory", "Management"));
    (!category.is_empty()).then_some(others)
}

/// Whether a condition is that a field has one value.
fn is_equal(condition: &Value, name: &str, value: &str) -> bool {
    let is_of = field(condition, "field").and_then(Value::as_str).is_some_and(|own| own.eq_ignore_ascii_case(name));
    let values = field(condition, "equals").and_then(Value::as_array);
    let is_it = |own: &Value| own.as_str().is_some_and(|own| own.eq_ignore_ascii_case(value));
    is_of && values.is_some_and(|values| matches!(&values[..], [one] if is_it(one)))
}

fn field<'v>(object: &'v Value, name: &str) -> Option<&'v Value> {
    object.as_object()?.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_that_fit_every_management_event_leave_none_out() {
        let category = json!({"field": "eventCategory", "equals": ["Management"]});
        let only = |value: &str| json!({"field": "readOnly", "equals": [value]});
        let of = |selectors: &[Value]| {
            let selectors: Vec<Value> =
                selectors.iter().map(|conditions| json!({"name": "n", "fieldSelectors": conditions})).collect();
            leave_events_out(&json!({"trailName": "t", "advancedEventSelectors": selectors}))
        };
        let data = json!([{"field": "eventCategory", "equals": ["Data"]}, only("true")]);
        assert!(!of(&[json!([category])]));
        assert!(!of(&[json!([category]), data.clone()]));
        assert!(!of(&[json!([category, only("true")]), json!([category, only("false")])]));
        assert!(of(&[json!([category, only("false")])]));
        assert!(of(std::slice::from_ref(&data)), "no management events at all");
        let excluded = json!({"field": "eventSource", "notEquals": ["kms.amazonaws.com"]});
        assert!(of(&[json!([category, excluded])]));
        assert!(of(&[json!([category, only("true"), excluded]), json!([category, only("false")])]));
        assert!(!leave_events_out(&json!({"eventSelectors": [{"readWriteType": "All"}]})));
    }
}
