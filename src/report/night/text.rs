//! Text that somebody else wrote.
//!
//! It can leave only through forms in which nothing in it does anything: escaped in HTML, and with a mark for every character that
//! does not show. A name that is read from a file is a [`Text`] from its first moment, so none can be forgotten on its way.

use crate::shown::visible;
use std::borrow::Cow;

use maud::Render;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Characters that are shown of one text; what is longer is cut, for a page has to stay small whatever is written into a name.
const LONGEST: usize = 300;

/// Text of unknown making.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text(String);

impl Text {
    /// Takes a text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What it is compared by; never to be shown.
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// What people may see of it.
    pub fn shown(&self) -> Cow<'_, str> {
        match self.0.char_indices().nth(LONGEST) {
            Some((end, _)) => Cow::Owned(format!("{}…", visible(&self.0[..end]))),
            None => visible(&self.0),
        }
    }

    /// Of prose that was written in lines, what people may see: its lines follow one another.
    pub fn in_one_line(&self) -> String {
        Self::new(self.0.split_whitespace().collect::<Vec<_>>().join(" ")).shown().into_owned()
    }

    /// All of it, for commands, which are worth nothing when they are cut.
    pub fn whole(&self) -> Cow<'_, str> {
        visible(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

/// A JSON text as it is; an object by its name or identifier; anything else as JSON.
impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(plain(&Value::deserialize(deserializer)?)))
    }
}

fn plain(value: &Value) -> String {
    let field = |name| value.get(name).and_then(Value::as_str);
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Object(_) => {
            let name = field("name").or_else(|| field("id")).or_else(|| field("value"));
            match (field("kind"), name) {
                (Some(kind), Some(name)) => format!("{kind} {name}"),
                (None, Some(name)) => name.to_owned(),
                _ => value.to_string(),
            }
        }
        other => other.to_string(),
    }
}

impl Render for Text {
    fn render_to(&self, buffer: &mut String) {
        self.shown().as_ref().render_to(buffer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_does_anything() {
        let text = Text::new("<script>alert(1)</script>\u{202e}\"'&");
        assert_eq!(maud::html! { (text) }.into_string(), "&lt;script&gt;alert(1)&lt;/script&gt;⟨U+202E⟩&quot;'&amp;");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        assert_eq!(Text::new("é".repeat(LONGEST)).shown().chars().count(), LONGEST);
        assert_eq!(Text::new("é".repeat(LONGEST + 1)).shown(), format!("{}…", "é".repeat(LONGEST)));
    }

    #[test]
    fn prose_is_told_in_one_line() {
        assert_eq!(
            Text::new("full rights over users and\npolicies\n\nand\u{202e}").in_one_line(),
            "full rights over users and policies and⟨U+202E⟩"
        );
    }

    #[test]
    fn whatever_json_holds_is_text() {
        for (json, text) in [
            (r#""a""#, "a"),
            ("null", ""),
            ("7", "7"),
            (r#"{"kind":"user","id":"1","name":"alice"}"#, "user alice"),
            (r#"{"kind":"role","id":"1","name":null}"#, "role 1"),
        ] {
            assert_eq!(serde_json::from_str::<Text>(json).unwrap().raw(), text);
        }
    }
}
