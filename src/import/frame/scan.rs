//! Finding the end of a record by its brackets and strings alone. Limits are enforced here, while scanning, so that no input can make us
//! buffer or recurse beyond them.

use std::io;

use memchr::memchr2;

/// Caps against input that was made to exhaust us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes that one compressed file may hold.
    pub decompressed: u64,
    /// The deepest nesting of a record.
    pub depth: usize,
    /// The longest string in a record, in bytes.
    pub string: usize,
    /// The largest record, in bytes.
    pub record: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { decompressed: 8 << 30, depth: 64, string: 1 << 20, record: 8 << 20 }
    }
}

/// Why a record was set aside, or a file given up.
#[derive(Debug, thiserror::Error)]
pub(in crate::import) enum FrameError {
    #[error("a record is nested deeper than {0} (see --max-depth)")]
    TooDeep(usize),
    #[error("lists are nested deeper than {0} (see --max-depth); nothing after it was read")]
    ListsTooDeep(usize),
    #[error("a record holds a string longer than {0} bytes (see --max-string)")]
    StringTooLong(usize),
    #[error("a record is larger than {0} bytes")]
    RecordTooLarge(usize),
    #[error("a record is cut off or has unbalanced brackets")]
    Unbalanced,
    #[error("the file is truncated: it ends in the middle of a record or of the list around it")]
    Truncated,
    #[error("this is no JSON: found byte 0x{0:02x} where a record should begin; nothing after it was read")]
    NotJson(u8),
    #[error("the rest of a line is no JSON: found byte 0x{0:02x} where a record should begin")]
    StrayLine(u8),
    #[error("reading stopped: {0}")]
    Read(io::Error),
}

impl FrameError {
    /// Whether nothing more can be had from the file.
    pub(in crate::import) fn is_final(&self) -> bool {
        matches!(self, Self::Truncated | Self::NotJson(_) | Self::ListsTooDeep(_) | Self::Read(_))
    }
}

/// Where the scan of a record stands.
pub(super) struct Scan {
    pub(super) at: usize,
    depth: usize,
    pub(super) in_string: Option<usize>,
    pub(super) fault: Option<FrameError>,
}

impl Scan {
    /// Before the record that begins at a place.
    pub(super) fn at(at: usize) -> Self {
        Self { at, depth: 0, in_string: None, fault: None }
    }

    /// Goes on until the record is complete (true) or the text runs out (false).
    pub(super) fn run(&mut self, text: &[u8], limits: &Limits) -> bool {
        loop {
            if let Some(begun) = self.in_string
                && !self.finish_string(text, begun, limits)
            {
                return false;
            }
            let Some(&byte) = text.get(self.at) else { return false };
            self.at += 1;
            match byte {
                b'"' => self.in_string = Some(self.at),
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > limits.depth {
                        self.fault.get_or_insert(FrameError::TooDeep(limits.depth));
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return true;
                    }
                }
                _ => {}
            }
        }
    }

    /// Goes to the end of a string; false when the text runs out, or the string is broken off by the end of its line.
    fn finish_string(&mut self, text: &[u8], begun: usize, limits: &Limits) -> bool {
        loop {
            let Some(found) = memchr2(b'"', b'\\', &text[self.at.min(text.len())..]) else {
                self.check_string(text, begun, text.len(), limits);
                self.at = text.len().max(self.at);
                return false;
            };
            let at = self.at + found;
            if text[at] == b'"' {
                self.check_string(text, begun, at, limits);
                self.at = at + 1;
                self.in_string = None;
                return true;
            }
            self.at = at + 2;
        }
    }

    fn check_string(&mut self, text: &[u8], begun: usize, end: usize, limits: &Limits) {
        if end.saturating_sub(begun) > limits.string && text.len() >= end {
            self.fault.get_or_insert(FrameError::StringTooLong(limits.string));
        }
    }
}
