//! Modifiers and values: from `field|modifier|…: value` to the tests of one predicate.

use rsigma_parser::{Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use crate::rules::field::Operand;
use crate::rules::parse::encode::{Characters, base64, base64_offsets};
use crate::rules::pattern::{DASHES, Pattern, Piece};
use crate::rules::plan::{Decimal, Expression, FieldShape, FieldTest, Relation, Test};
use crate::rules::whitelist::network;

/// What was found and what to write instead.
pub(super) type Fault = (String, String);

/// The modifiers of one field, understood.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is a modifier that stands for itself")]
pub(super) struct Modifiers {
    comparison: Comparison,
    characters: Option<Characters>,
    base64: Option<Base64>,
    flags: String,
    cased: bool,
    windash: bool,
    /// Every value must match.
    pub(super) all: bool,
    /// Values hold placeholders.
    pub(super) expand: bool,
    /// The value must be there and must not match.
    pub(super) negated: bool,
}

/// How a value is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Comparison {
    #[default]
    Equals,
    Contains,
    StartsWith,
    EndsWith,
    Expression,
    Network,
    Exists,
    FieldReference(FieldShape),
    Number(Relation),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base64 {
    Whole,
    Offset,
}

impl Modifiers {
    /// Understands a list of modifiers; those that contradict each other are a fault.
    pub(super) fn new(list: &[Modifier]) -> Result<Self, Fault> {
        let mut modifiers = Self::default();
        for modifier in list {
            modifiers.add(*modifier)?;
        }
        modifiers.check()
    }

    fn add(&mut self, modifier: Modifier) -> Result<(), Fault> {
        match modifier {
            Modifier::Contains => self.compare(Comparison::Contains)?,
            Modifier::StartsWith => self.compare(Comparison::StartsWith)?,
            Modifier::EndsWith => self.compare(Comparison::EndsWith)?,
            Modifier::Re => self.compare(Comparison::Expression)?,
            Modifier::Cidr => self.compare(Comparison::Network)?,
            Modifier::Exists => self.compare(Comparison::Exists)?,
            Modifier::FieldRef => self.compare(Comparison::FieldReference(FieldShape::Equals))?,
            Modifier::Gt => self.compare(Comparison::Number(Relation::Gt))?,
            Modifier::Gte => self.compare(Comparison::Number(Relation::Gte))?,
            Modifier::Lt => self.compare(Comparison::Number(Relation::Lt))?,
            Modifier::Lte => self.compare(Comparison::Number(Relation::Lte))?,
            Modifier::All => self.all = true,
            Modifier::Expand => self.expand = true,
            Modifier::Neq => self.negated = true,
            Modifier::Cased => self.cased = true,
            Modifier::WindAsh => self.windash = true,
            Modifier::Wide => self.encode(Characters::Utf16Little)?,
            Modifier::Utf16 => self.encode(Characters::Utf16Marked)?,
            Modifier::Utf16be => self.encode(Characters::Utf16Big)?,
            Modifier::Base64 => self.base64(Base64::Whole)?,
            Modifier::Base64Offset => self.base64(Base64::Offset)?,
            Modifier::IgnoreCase => self.flags.push('i'),
            Modifier::Multiline => self.flags.push('m'),
            Modifier::DotAll => self.flags.push('s'),
            Modifier::Minute | Modifier::Hour | Modifier::Day | Modifier::Week | Modifier::Month | Modifier::Year => {
                return Err((
                    "the modifiers for parts of a time are not supported".into(),
                    "use `insights.outside_hours`, or a correlation with a timespan".into(),
                ));
            }
        }
        Ok(())
    }

    fn compare(&mut self, next: Comparison) -> Result<(), Fault> {
        self.comparison = match (self.comparison, next) {
            (Comparison::Equals, next) => next,
            (shape, Comparison::FieldReference(_)) | (Comparison::FieldReference(_), shape) => {
                Comparison::FieldReference(field_shape(shape)?)
            }
            _ => {
                return Err(contradiction(
                    "keep one of `contains`, `startswith`, `endswith`, `re`, `cidr`, `exists`, `gt`, `gte`, `lt`, `lte`",
                ));
            }
        };
        Ok(())
    }

    fn encode(&mut self, characters: Characters) -> Result<(), Fault> {
        match self.characters.replace(characters) {
            None => Ok(()),
            Some(_) => Err(contradiction("keep one of `wide`, `utf16`, `utf16be`")),
        }
    }

    fn base64(&mut self, base64: Base64) -> Result<(), Fault> {
        match self.base64.replace(base64) {
            None => Ok(()),
            Some(_) => Err(contradiction("keep one of `base64`, `base64offset`")),
        }
    }

    fn check(self) -> Result<Self, Fault> {
        use Comparison::{Contains, EndsWith, Equals, Expression, StartsWith};
        let of_text = matches!(self.comparison, Equals | Contains | StartsWith | EndsWith);
        if !self.flags.is_empty() && self.comparison != Expression {
            return Err((
                "the flags `i`, `m`, `s` belong to a regular expression".into(),
                "add `re` before them".into(),
            ));
        }
        if !of_text && (self.characters.is_some() || self.base64.is_some() || self.windash) {
            return Err(contradiction(
                "an encoding only with `contains`, `startswith`, `endswith` or none of them, and",
            ));
        }
        if self.comparison == Comparison::Exists && (self.all || self.negated || self.expand) {
            return Err(("`exists` stands alone".into(), "leave out the other modifiers".into()));
        }
        Ok(self)
    }

    /// The tests that a value comes to: any of them must hold.
    pub(super) fn tests(
        &self,
        value: &SigmaValue,
        field: &dyn Fn(&str) -> Result<Operand, Fault>,
    ) -> Result<Vec<Test>, Fault> {
        let one = |test| Ok(vec![test]);
        match self.comparison {
            Comparison::Expression => one(Test::Expression(self.expression(&plain(value)?)?)),
            Comparison::Network => one(Test::Network(address(&plain(value)?)?)),
            Comparison::Exists => one(Test::Exists(truth(value)?)),
            Comparison::Number(relation) => one(Test::Number(relation, Decimal(number(value)?))),
            Comparison::FieldReference(shape) => {
                one(Test::Field(FieldTest { other: field(&plain(value)?)?, shape, cased: self.cased }))
            }
            Comparison::Equals if self.characters.is_none() && self.base64.is_none() => one(self.equals(value)),
            _ => self.texts(value),
        }
    }

    fn equals(&self, value: &SigmaValue) -> Test {
        match value {
            SigmaValue::Integer(number) => Test::Equals(Decimal(*number as f64), number.to_string()),
            SigmaValue::Float(number) => Test::Equals(Decimal(*number), number.to_string()),
            SigmaValue::Bool(truth) => Test::Truth(*truth),
            SigmaValue::Null => Test::Null,
            SigmaValue::String(text) => Test::Text(self.pattern(self.pieces(text))),
        }
    }

    fn texts(&self, value: &SigmaValue) -> Result<Vec<Test>, Fault> {
        if let (SigmaValue::String(text), None, None) = (value, self.characters, self.base64) {
            return Ok(vec![Test::Text(self.pattern(self.pieces(text)))]);
        }
        let plain = plain(value)?;
        let bytes = self.characters.unwrap_or(Characters::Utf8).bytes(&plain);
        let encoded = match self.base64 {
            None => vec![String::from_utf8_lossy(&bytes).into_owned()],
            Some(Base64::Whole) => vec![base64(&bytes)],
            Some(Base64::Offset) => base64_offsets(&bytes),
        };
        let literal = |text: String| Test::Text(self.pattern(text.chars().map(Piece::Char).collect()));
        Ok(encoded.into_iter().map(literal).collect())
    }

    fn pieces(&self, text: &SigmaString) -> Vec<Piece> {
        let piece = |part: &StringPart| match part {
            StringPart::Plain(text) if self.windash => with_dashes(text),
            StringPart::Plain(text) => text.chars().map(Piece::Char).collect(),
            StringPart::Special(SpecialChar::WildcardMulti) => vec![Piece::Run],
            StringPart::Special(SpecialChar::WildcardSingle) => vec![Piece::One],
        };
        text.parts.iter().flat_map(piece).collect()
    }

    fn pattern(&self, mut pieces: Vec<Piece>) -> Pattern {
        if matches!(self.comparison, Comparison::Contains | Comparison::EndsWith) {
            pieces.insert(0, Piece::Run);
        }
        if matches!(self.comparison, Comparison::Contains | Comparison::StartsWith) {
            pieces.push(Piece::Run);
        }
        Pattern::new(&pieces, self.cased)
    }

    fn expression(&self, pattern: &str) -> Result<Expression, Fault> {
        let flags = if self.flags.is_empty() { String::new() } else { format!("(?{})", self.flags) };
        Expression::new(&format!("{flags}{pattern}")).map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => (
                format!("the regular expression `{}` becomes larger than {limit} bytes", shortened(pattern)),
                "use smaller repetitions, or `contains`".into(),
            ),
            other => {
                let reason = other.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                (
                    format!("`{}` is no regular expression: {reason}", shortened(pattern)),
                    "see https://docs.rs/regex for the syntax; look-around and back-references are not in it".into(),
                )
            }
        })
    }

    /// Whether keywords are looked for as parts of a text, as they are unless modifiers say otherwise.
    pub(super) fn for_keywords(mut self) -> Self {
        if self.comparison == Comparison::Equals {
            self.comparison = Comparison::Contains;
        }
        self
    }
}

/// A text in which a dash, and what stands for one before a word, is any dash; a `/` between words is part of a path.
fn with_dashes(text: &str) -> Vec<Piece> {
    let letters: Vec<char> = text.chars().collect();
    let is_word = |letter: Option<&char>| letter.is_some_and(|letter| letter.is_alphanumeric() || *letter == '_');
    let begins_option = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| letters.get(before));
        DASHES.contains(&letters[at]) && !is_word(before) && is_word(letters.get(at + 1))
    };
    let piece = |(at, &letter): (usize, &char)| {
        if letter == '-' || begins_option(at) { Piece::Dash } else { Piece::Char(letter) }
    };
    letters.iter().enumerate().map(piece).collect()
}

fn field_shape(shape: Comparison) -> Result<FieldShape, Fault> {
    match shape {
        Comparison::Contains => Ok(FieldShape::Contains),
        Comparison::StartsWith => Ok(FieldShape::StartsWith),
        Comparison::EndsWith => Ok(FieldShape::EndsWith),
        _ => Err(contradiction("`fieldref` goes with `contains`, `startswith`, `endswith` or none of them")),
    }
}

fn contradiction(instead: &str) -> Fault {
    ("these modifiers contradict each other".into(), instead.into())
}

fn shortened(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    if short.len() < text.len() { short + "…" } else { short }
}

/// A value as text, wildcards as they are written.
fn plain(value: &SigmaValue) -> Result<String, Fault> {
    match value {
        SigmaValue::String(text) => Ok(text.as_plain().unwrap_or_else(|| text.original.clone())),
        SigmaValue::Null => {
            Err(("null where a text is needed".into(), "write the text, or leave out the modifier".into()))
        }
        other => Ok(other.to_string()),
    }
}

fn number(value: &SigmaValue) -> Result<f64, Fault> {
    let text = plain(value)?;
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| (format!("`{}` where a number is needed", shortened(&text)), "write a number".into()))
}

fn truth(value: &SigmaValue) -> Result<bool, Fault> {
    match plain(value)?.as_str() {
        "true" | "yes" => Ok(true),
        "false" | "no" => Ok(false),
        other => Err((format!("`exists: {}`", shortened(other)), "write `true` or `false`".into())),
    }
}

fn address(text: &str) -> Result<ipnet::IpNet, Fault> {
    network(text).ok_or_else(|| {
        (format!("`{}` is no network", shortened(text)), "write an address and a length, such as 10.0.0.0/8".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_before_a_word_is_a_dash_and_one_between_words_is_not() {
        let is_match = |value: &str, text: &str| Pattern::new(&with_dashes(value), false).is_match(text);
        assert!(is_match("cmd /c x", "cmd -c x") && is_match("cmd -c x", "cmd /c x") && is_match("/c", "\u{2013}c"));
        assert!(is_match("a/b -c", "a/b /c") && !is_match("a/b -c", "a-b -c"));
    }
}
