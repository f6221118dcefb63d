//! Going over the bytes of JSON: strings eight bytes at a time, numbers and words by their grammar.

use std::ops::Range;

/// A place in a text.
pub(super) struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    longest: usize,
}

impl<'t> Scanner<'t> {
    /// Begins at the beginning; a string of more than `longest` bytes, as it is written, is refused.
    pub(super) fn new(text: &'t [u8], longest: usize) -> Self {
        Self { text, at: 0, longest }
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    pub(super) fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()? == byte;
        self.at += 1;
        found.then_some(())
    }

    pub(super) fn skip_blanks(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// Moves behind the quote that ends a string; tells whether the string has escapes.
    pub(super) fn string(&mut self) -> Option<bool> {
        let first = self.at;
        let mut escaped = false;
        loop {
            self.skip_letters();
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape()?;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        let length = self.at - first;
        self.at += 1;
        (length <= self.longest).then_some(escaped)
    }

    /// Moves to the next byte that is more than a letter of a string, or near the end of the text.
    fn skip_letters(&mut self) {
        while let Some(eight) = self.text.get(self.at..).and_then(<[u8]>::first_chunk::<8>) {
            let special = special(u64::from_le_bytes(*eight));
            if special != 0 {
                self.at += special.trailing_zeros() as usize / 8;
                return;
            }
            self.at += 8;
        }
    }

    fn escape(&mut self) -> Option<()> {
        let letter = *self.text.get(self.at + 1)?;
        self.at += 2;
        match letter {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    /// Moves behind a number, a truth or null.
    pub(super) fn plain(&mut self) -> Option<()> {
        let word: &[u8] = match self.peek()? {
            b't' => b"true",
            b'f' => b"false",
            b'n' => b"null",
            _ => return self.number(),
        };
        let found = self.text.get(self.at..)?.starts_with(word);
        self.at += word.len();
        found.then_some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        if self.peek()? == b'0' {
            self.at += 1;
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return None;
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let first = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > first).then_some(())
    }

    /// Whether a part of the text is a string that stands for a text; not every sequence of escapes does.
    pub(super) fn is_text(&self, string: Range<usize>) -> bool {
        self.text.get(string).is_some_and(|string| serde_json::from_slice::<String>(string).is_ok())
    }
}

/// Marks, in the highest bit of its byte, the first quote, backslash or control character among eight bytes; marks behind it mean nothing.
fn special(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHEST: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    let quote = zero(word ^ (ONES * u64::from(b'"')));
    let backslash = zero(word ^ (ONES * u64::from(b'\\')));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (quote | backslash | control) & HIGHEST
}
