//! Where the fields of a JSON object stand, found in the same pass that finds its end and checks its grammar.
//!
//! Records come by the million, and each has a hundred short texts: going over them once, and keeping places in place of texts, is what
//! makes an import fast. The grammar is what `serde_json` demands of values that it passes over; an object that is refused here is
//! given to it for its words.

mod scan;

use std::borrow::Cow;

use crate::import::Limits;
use scan::Scanner;

/// Fields of objects nested deeper are left in the text of those around them: nobody asks for more than the name of the one who
/// issued the session of an identity.
const DEEPEST: usize = 4;

/// Part of a text.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: u32,
    end: u32,
    /// Whether it is a string with escapes.
    escaped: bool,
}

impl Span {
    fn of(self, text: &str) -> &str {
        text.get(self.first as usize..self.end as usize).unwrap_or_default()
    }
}

#[derive(Debug, Clone, Copy)]
struct Field {
    /// 1 for the fields of the outermost object.
    depth: usize,
    /// Without its quotes.
    key: Span,
    value: Span,
}

/// An object or array that is not closed yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    is_object: bool,
    /// The field whose value is being read, of an object whose fields are kept.
    field: Option<usize>,
    kept: bool,
}

/// The fields of an object, and of the objects that are its fields, in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Outline {
    fields: Vec<Field>,
    open: Vec<Open>,
}

impl Outline {
    /// Outlines the object that a text begins with, and gives its end. `None` if it is no sound object, is cut off, or breaks a
    /// limit; what the outline holds then is good for nothing.
    pub(super) fn trace(&mut self, text: &[u8], limits: &Limits) -> Option<usize> {
        u32::try_from(text.len()).ok()?;
        self.fields.clear();
        self.open.clear();
        let mut scanner = Scanner::new(text, limits.string);
        scanner.skip_blanks();
        if scanner.peek() != Some(b'{') {
            return None;
        }
        while !self.value(&mut scanner, limits)? {}
        let end = scanner.at();
        (end <= limits.record).then_some(end)
    }

    /// Reads a value, or what of it comes before the first value in it, and whatever ends with it; true when that is the outermost
    /// object.
    fn value(&mut self, scanner: &mut Scanner<'_>, limits: &Limits) -> Option<bool> {
        match scanner.peek()? {
            bracket @ (b'{' | b'[') => {
                scanner.step();
                self.begin(bracket == b'{');
                if self.open.len() > limits.depth {
                    return None;
                }
                scanner.skip_blanks();
                if scanner.peek()? != closing(bracket == b'{') {
                    return self.next_item(scanner).map(|()| false);
                }
            }
            b'"' => {
                scanner.step();
                let escaped = scanner.string()?;
                self.end_value(scanner.at(), escaped);
            }
            _ => {
                scanner.plain()?;
                self.end_value(scanner.at(), false);
            }
        }
        self.close(scanner)
    }

    fn begin(&mut self, is_object: bool) {
        let within = self.open.last().is_none_or(|parent| parent.kept);
        let kept = is_object && within && self.open.len() < DEEPEST;
        self.open.push(Open { is_object, field: None, kept });
    }

    /// After a value, or the bracket of something empty: goes out of what ends here, and to the next value if there is one.
    fn close(&mut self, scanner: &mut Scanner<'_>) -> Option<bool> {
        loop {
            let innermost = self.open.last()?.is_object;
            scanner.skip_blanks();
            let byte = scanner.peek()?;
            scanner.step();
            if byte == b',' {
                scanner.skip_blanks();
                return self.next_item(scanner).map(|()| false);
            }
            if byte != closing(innermost) {
                return None;
            }
            self.open.pop();
            if self.open.is_empty() {
                return Some(true);
            }
            self.end_value(scanner.at(), false);
        }
    }

    /// Goes to the value of the next item: in an object, over its key.
    fn next_item(&mut self, scanner: &mut Scanner<'_>) -> Option<()> {
        if !self.open.last()?.is_object {
            return Some(());
        }
        scanner.expect(b'"')?;
        let first = scanner.at();
        let escaped = scanner.string()?;
        let key = Span { first: first as u32, end: scanner.at() as u32 - 1, escaped };
        scanner.skip_blanks();
        scanner.expect(b':')?;
        scanner.skip_blanks();
        self.keep(key, scanner)
    }

    fn keep(&mut self, key: Span, scanner: &Scanner<'_>) -> Option<()> {
        let depth = self.open.len();
        let innermost = self.open.last_mut()?;
        if !innermost.kept {
            return Some(());
        }
        if key.escaped && !scanner.is_text(key.first as usize - 1..key.end as usize + 1) {
            return self.forget_innermost();
        }
        innermost.field = Some(self.fields.len());
        let at = scanner.at() as u32;
        self.fields.push(Field { depth, key, value: Span { first: at, end: at, escaped: false } });
        Some(())
    }

    /// An object with a key that is no text, such as half a surrogate pair, has no fields; the outermost is not sound.
    fn forget_innermost(&mut self) -> Option<()> {
        let depth = self.open.len();
        if depth == 1 {
            return None;
        }
        while self.fields.last().is_some_and(|field| field.depth >= depth) {
            self.fields.pop();
        }
        let innermost = self.open.last_mut()?;
        (innermost.kept, innermost.field) = (false, None);
        Some(())
    }

    fn end_value(&mut self, at: usize, escaped: bool) {
        let field = self.open.last().and_then(|open| open.field);
        if let Some(field) = field.and_then(|field| self.fields.get_mut(field)) {
            field.value.end = at as u32;
            field.value.escaped = escaped;
        }
    }

    /// The object that was traced, in the text that it was traced in.
    pub(super) fn object<'t>(&'t self, text: &'t str) -> Object<'t> {
        Object { text, fields: &self.fields, depth: 1 }
    }
}

fn closing(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

/// An object in an outlined text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Object<'t> {
    text: &'t str,
    /// Its fields, each followed by those of its value.
    fields: &'t [Field],
    depth: usize,
}

impl<'t> Object<'t> {
    /// The fields in the order in which they are written; a key may come twice.
    pub(super) fn fields(self) -> impl Iterator<Item = (Key<'t>, Value<'t>)> {
        let own = self.fields.iter().enumerate().filter(move |(_, field)| field.depth == self.depth);
        own.map(move |(place, field)| {
            let key = Key { raw: field.key.of(self.text), escaped: field.key.escaped };
            (key, Value { object: self, place, span: field.value })
        })
    }

    /// The first field of a name.
    pub(super) fn find(self, name: &str) -> Option<Value<'t>> {
        self.fields().find(|(key, _)| key.is(name)).map(|(_, value)| value)
    }
}

/// The key of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'t> {
    /// As it is written, without its quotes.
    raw: &'t str,
    escaped: bool,
}

impl<'t> Key<'t> {
    /// The key as a text.
    pub(super) fn text(self) -> Cow<'t, str> {
        if self.escaped {
            Cow::Owned(text_of(&format!("\"{}\"", self.raw)).unwrap_or_default())
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Appends the key as JSON.
    pub(super) fn write(self, json: &mut String) {
        if self.escaped {
            json.push_str(&serde_json::Value::from(self.text()).to_string());
        } else {
            json.extend(["\"", self.raw, "\""]);
        }
    }

    fn is(self, name: &str) -> bool {
        if self.escaped { self.text() == name } else { self.raw == name }
    }
}

fn text_of(string: &str) -> Option<String> {
    serde_json::from_str(string).ok()
}

/// The value of a field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'t> {
    object: Object<'t>,
    place: usize,
    span: Span,
}

impl<'t> Value<'t> {
    /// As it is written.
    pub(super) fn raw(self) -> &'t str {
        self.span.of(self.object.text)
    }

    /// A string's content, anything else as it is written, null as nothing.
    pub(super) fn text(self) -> Option<Cow<'t, str>> {
        let raw = self.raw();
        match raw.as_bytes() {
            b"null" => None,
            [b'"', .., b'"'] if !self.span.escaped => raw.get(1..raw.len() - 1).map(Cow::Borrowed),
            [b'"', ..] => text_of(raw).map(Cow::Owned),
            _ => Some(Cow::Borrowed(raw)),
        }
    }

    /// The value, if it is an object.
    pub(super) fn object(self) -> Option<Object<'t>> {
        let Object { text, fields, depth } = self.object;
        let after = fields.get(self.place + 1..)?;
        let inner = after.iter().position(|field| field.depth <= depth).map_or(after, |end| &after[..end]);
        self.raw().starts_with('{').then_some(Object { text, fields: inner, depth: depth + 1 })
    }
}

#[cfg(test)]
mod tests;
