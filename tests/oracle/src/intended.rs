//! Where `insights` and `rsigma-eval` 0.23 differ on purpose, and why.

use std::error::Error;
use std::path::Path;

use serde_json::{Value, json};

use crate::{ours, theirs};

/// A difference: why, the rule's selection, the event's fields, what `insights` says. The oracle says the opposite.
pub(crate) struct Difference {
    why: &'static str,
    selection: &'static str,
    fields: &'static str,
    fires: bool,
}

/// Every intended difference.
pub(crate) const ALL: [Difference; 10] = [
    Difference {
        why: "an object is compared by its JSON text: public rules look for words in whole requests",
        selection: "{requestParameters|contains: Suspended}",
        fields: r#"{"requestParameters": {"VersioningConfiguration": {"Status": "Suspended"}}}"#,
        fires: true,
    },
    Difference {
        why: "so is an object in an array",
        selection: "{requestParameters.layers|contains: '*'}",
        fields: r#"{"requestParameters": {"layers": [{"arn": "x"}]}}"#,
        fires: true,
    },
    Difference {
        why: "a wildcard stands for line ends too",
        selection: "{userAgent: 'a*b'}",
        fields: r#"{"userAgent": "a\nb"}"#,
        fires: true,
    },
    Difference {
        why: "the beginning of a text is its beginning, with wildcards too",
        selection: "{userAgent|startswith: 'a*c'}",
        fields: r#"{"userAgent": "xabc"}"#,
        fires: false,
    },
    Difference {
        why: "and the end its end",
        selection: "{userAgent|endswith: 'a*c'}",
        fields: r#"{"userAgent": "abcd"}"#,
        fires: false,
    },
    Difference {
        why: "numbers that a float cannot tell apart are compared as texts",
        selection: "{requestParameters.id: 12345678901234567}",
        fields: r#"{"requestParameters": {"id": "12345678901234568"}}"#,
        fires: false,
    },
    Difference {
        why: "the last letter of an encoded value depends on what follows it, as in pySigma",
        selection: "{requestParameters.d|base64offset|contains: foob}",
        fields: r#"{"requestParameters": {"d": "Zm9vYmFy"}}"#,
        fires: true,
    },
    Difference {
        why: "columns are texts: 1 and \"1\" are the same truth",
        selection: "{requestParameters.on: true}",
        fields: r#"{"requestParameters": {"on": 1}}"#,
        fires: true,
    },
    Difference {
        why: "a null is nothing, and of nothing `neq` says nothing",
        selection: "{requestParameters.a|neq: x}",
        fields: r#"{"requestParameters": {"a": null}}"#,
        fires: false,
    },
    Difference {
        why: "an address has one meaning, however it is written",
        selection: "{sourceIPAddress|cidr: 10.0.0.0/8}",
        fields: r#"{"sourceIPAddress": "::ffff:10.0.0.1"}"#,
        fires: true,
    },
];

/// Tries every difference; how many are not as listed.
pub(crate) fn check(binary: &Path) -> Result<usize, Box<dyn Error>> {
    let mut broken = 0;
    for difference in &ALL {
        let head = "title: t\nid: t\nlogsource: {product: aws, service: cloudtrail}\ndetection:\n";
        let rule = format!("{head}  s: {}\n  condition: s\n", difference.selection);
        let mut event = json!({"eventTime": "2026-01-05T10:00:00Z", "eventID": "e", "eventName": "n", "eventSource": "s", "awsRegion": "r"});
        let Value::Object(fields) = serde_json::from_str(difference.fields)? else { continue };
        event.as_object_mut().ok_or("an event is an object")?.extend(fields);
        let (rules, events) = ([rule], [event]);
        let fires = (!ours(binary, &rules, &events)?.is_empty(), !theirs(&rules, &events)?.is_empty());
        if fires != (difference.fires, !difference.fires) {
            broken += 1;
            println!("{}: insights says {}, rsigma-eval says {}", difference.why, fires.0, fires.1);
        }
    }
    Ok(broken)
}
