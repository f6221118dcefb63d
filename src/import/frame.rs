//! Cutting a stream of JSON into records, one at a time, without ever holding more than one.
//!
//! Understands `{"Records": [...]}`, arrays, and objects one after another (JSON lines, pretty-printed or not). Where a
//! record ends is found by outlining it ([`Outline`]); where that fails, `scan` tells its end and which limits it breaks, and whoever
//! parses it what is wrong with its JSON.

mod scan;

use std::io::{self, Read};

use memchr::memchr;

use crate::import::outline::Outline;

pub(super) use scan::FrameError;
pub use scan::Limits;
use scan::Scan;

const CHUNK: usize = 1 << 17;
/// How a CloudTrail file begins.
const WRAPPER_KEY: &[u8] = b"Records";

/// A record: its text, good until the next is asked for.
#[derive(Debug)]
pub(super) struct Record<'f> {
    pub(super) bytes: &'f [u8],
    /// Where its fields stand; `None` where something is wrong with it, or it had to be put together from two reads.
    pub(super) outline: Option<&'f Outline>,
}

/// What serves one file after another.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    buffer: Vec<u8>,
    outline: Outline,
}

/// Yields the records of a stream.
pub(super) struct Framer<R> {
    reader: R,
    limits: Limits,
    buffer: Vec<u8>,
    outline: Outline,
    /// The unread part of the buffer.
    start: usize,
    end: usize,
    ended: bool,
    inside_array: bool,
    /// How many lists were opened since a record, one in another.
    lists: usize,
    /// Records that began; a file that begins with something else is none of ours.
    records: u64,
    failed: bool,
}

impl<R: Read> Framer<R> {
    /// Frames what a reader gives, in a workspace that may have served another.
    pub(super) fn new(reader: R, limits: Limits, workspace: Workspace) -> Self {
        let Workspace { mut buffer, outline } = workspace;
        buffer.resize(buffer.len().max(CHUNK), 0);
        Self {
            reader,
            limits,
            buffer,
            outline,
            start: 0,
            end: 0,
            ended: false,
            inside_array: false,
            lists: 0,
            records: 0,
            failed: false,
        }
    }

    /// The workspace, for whoever frames what comes next.
    pub(super) fn into_workspace(self) -> Workspace {
        Workspace { buffer: self.buffer, outline: self.outline }
    }

    /// The next record.
    pub(super) fn next(&mut self) -> Option<Result<Record<'_>, FrameError>> {
        if self.failed {
            return None;
        }
        match self.find_record() {
            Ok(false) => None,
            Ok(true) => Some(self.read_record()),
            Err(error) => {
                self.failed = error.is_final();
                Some(Err(error))
            }
        }
    }

    /// Reads the record that begins at `start`. Nearly all are sound and there in full, and are gone over once; what is wrong with
    /// the others, and where they end, is found out slowly.
    fn read_record(&mut self) -> Result<Record<'_>, FrameError> {
        let first = self.start;
        if let Some(length) = self.outline.trace(&self.buffer[first..self.end], &self.limits) {
            self.start = first + length;
            return Ok(Record { bytes: &self.buffer[first..self.start], outline: Some(&self.outline) });
        }
        match self.scan_record() {
            Ok((first, last)) => Ok(Record { bytes: &self.buffer[first..last], outline: None }),
            Err(error) => {
                self.failed = error.is_final();
                Err(error)
            }
        }
    }

    /// Moves to the `{` of the next record, through the brackets and wrappers around records.
    fn find_record(&mut self) -> Result<bool, FrameError> {
        loop {
            let Some(byte) = self.peek()? else {
                return if self.inside_array { Err(FrameError::Truncated) } else { Ok(false) };
            };
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | 0xef | 0xbb | 0xbf => self.start += 1,
                b'[' if self.lists >= self.limits.depth => return Err(FrameError::ListsTooDeep(self.limits.depth)),
                b'[' => {
                    self.inside_array = true;
                    self.lists += 1;
                    self.start += 1;
                }
                b']' if self.inside_array => {
                    self.inside_array = false;
                    self.lists = 0;
                    self.start += 1;
                    self.skip_wrapper_end()?;
                }
                b'{' if !self.inside_array && self.at_wrapper()? => {}
                b'{' => {
                    self.records += 1;
                    self.lists = 0;
                    return Ok(true);
                }
                other if self.records > 0 && !self.inside_array => {
                    self.skip_line()?;
                    return Err(FrameError::StrayLine(other));
                }
                other => return Err(FrameError::NotJson(other)),
            }
        }
    }

    /// Moves behind the end of the line, however long it is.
    fn skip_line(&mut self) -> Result<(), FrameError> {
        while self.peek()?.is_some() {
            let line = memchr(b'\n', &self.buffer[self.start..self.end]);
            self.start = line.map_or(self.end, |line| self.start + line + 1);
            if line.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// If a wrapper begins here, moves behind its key and colon.
    fn at_wrapper(&mut self) -> Result<bool, FrameError> {
        let mut look = 1;
        for expected in [b'"'].iter().chain(WRAPPER_KEY).chain(b"\":[") {
            loop {
                let Some(byte) = self.peek_at(look)? else { return Ok(false) };
                look += 1;
                if byte == *expected {
                    break;
                }
                let blank_allowed = matches!(expected, b'"' | b':' | b'[');
                if !(blank_allowed && byte.is_ascii_whitespace()) {
                    return Ok(false);
                }
            }
        }
        self.start += look - 1;
        Ok(true)
    }

    /// After the array of a wrapper: whatever else the wrapper holds is passed over, up to the end of the line or file.
    fn skip_wrapper_end(&mut self) -> Result<(), FrameError> {
        while let Some(byte) = self.peek()? {
            match byte {
                b'}' => {
                    self.start += 1;
                    return Ok(());
                }
                b'{' | b'[' | b'\n' => return Ok(()),
                _ => self.start += 1,
            }
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>, FrameError> {
        self.peek_at(0)
    }

    fn peek_at(&mut self, offset: usize) -> Result<Option<u8>, FrameError> {
        while self.start + offset >= self.end {
            if !self.fill(self.start)? {
                return Ok(None);
            }
        }
        Ok(Some(self.buffer[self.start + offset]))
    }

    /// Reads more, keeping the buffer from `keep` on; `start` moves along. False at the end of the input.
    fn fill(&mut self, keep: usize) -> Result<bool, FrameError> {
        if self.ended {
            return Ok(false);
        }
        if keep > 0 {
            self.buffer.copy_within(keep..self.end, 0);
            self.end -= keep;
            self.start -= keep;
        }
        if self.buffer.len() - self.end < CHUNK / 2 {
            self.buffer.resize(self.buffer.len() + CHUNK.max(self.buffer.len() / 2), 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.end..]) {
                Ok(0) => {
                    self.ended = true;
                    return Ok(false);
                }
                Ok(count) => {
                    self.end += count;
                    return Ok(true);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.ended = true;
                    return Err(FrameError::Read(error));
                }
            }
        }
    }

    /// Scans the record that begins at `start`; gives its bounds and moves behind it.
    fn scan_record(&mut self) -> Result<(usize, usize), FrameError> {
        let mut scan = Scan::at(self.start);
        loop {
            if scan.run(&self.buffer[..self.end], &self.limits) {
                let bounds = (self.start, scan.at);
                if bounds.1 - bounds.0 > self.limits.record {
                    scan.fault.get_or_insert(FrameError::RecordTooLarge(self.limits.record));
                }
                self.start = scan.at;
                return scan.fault.map_or(Ok(bounds), Err);
            }
            if scan.at - self.start > self.limits.record && scan.fault.is_none() {
                if self.skip_first_line(self.start, scan.at) {
                    return Err(FrameError::Unbalanced);
                }
                scan.fault = Some(FrameError::RecordTooLarge(self.limits.record));
            }
            // A record that is given up need not be kept; one that may yet be good must be.
            let keep = if scan.fault.is_some() { scan.at } else { self.start };
            self.start = keep;
            let more = self.fill(keep)?;
            let moved = keep - self.start;
            scan.at -= moved;
            scan.in_string = scan.in_string.map(|start| start.saturating_sub(moved));
            if !more {
                return self.resume_after_first_line(scan.fault.take());
            }
        }
    }

    /// The input ended inside a record. If that record began with a broken line, the lines after it are still good.
    fn resume_after_first_line(&mut self, fault: Option<FrameError>) -> Result<(usize, usize), FrameError> {
        if fault.is_none() && self.skip_first_line(self.start, self.end) {
            return Err(FrameError::Unbalanced);
        }
        self.start = self.end;
        Err(fault.unwrap_or(FrameError::Truncated))
    }

    /// Takes back the record that was yielded last, for it was no JSON: if it spans lines, all but its first line is read again.
    pub(super) fn reject(&mut self, length: usize) {
        self.skip_first_line(self.start - length, self.start);
    }

    /// Moves behind the first line end between two places, if there is one and records stand on lines of their own.
    fn skip_first_line(&mut self, first: usize, last: usize) -> bool {
        let line = if self.inside_array { None } else { memchr(b'\n', &self.buffer[first..last]) };
        if let Some(line) = line {
            self.start = first + line + 1;
        }
        line.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Gives out a few bytes at a time, so that every boundary is met.
    struct Trickle<'a>(&'a [u8], usize);

    impl Read for Trickle<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn frame(text: &str, limits: Limits, step: usize) -> Vec<String> {
        let mut framer = Framer::new(Trickle(text.as_bytes(), step), limits, Workspace::default());
        let mut found = Vec::new();
        while let Some(record) = framer.next() {
            found.push(match record {
                Ok(record) => String::from_utf8_lossy(record.bytes).into_owned(),
                Err(error) => format!("! {error}"),
            });
        }
        found
    }

    fn all(text: &str) -> Vec<String> {
        let whole = frame(text, Limits::default(), usize::MAX);
        for step in [1, 2, 3, 7] {
            assert_eq!(frame(text, Limits::default(), step), whole, "in steps of {step}");
        }
        whole
    }

    #[test]
    fn every_shape_of_file() {
        let records = [r#"{"a":"}]\\\"{"}"#, r#"{"b":{"c":[1,{}]}}"#];
        let joined = records.join(",");
        for text in [
            format!("[{joined}]"),
            format!(" [\n {joined} \n]\n"),
            records.join("\n"),
            records.join(""),
            format!("{{\"Records\":[{joined}]}}"),
            format!("{{ \"Records\" : [ {joined} ] , \"x\": 1 }}"),
            format!("\u{feff}{{\"Records\":[{}]}}\n{{\"Records\":[{}]}}", records[0], records[1]),
        ] {
            assert_eq!(all(&text), records, "{text}");
        }
        assert_eq!(all(""), Vec::<String>::new());
        assert_eq!(all("[]"), Vec::<String>::new());
        assert_eq!(all(r#"{"Records":[]}"#), Vec::<String>::new());
        assert_eq!(all(r#"{"Recordings":[]}"#), [r#"{"Recordings":[]}"#]);
    }

    #[test]
    fn broken_input_is_said_and_the_rest_goes_on() {
        let no_json = |byte| {
            format!("! this is no JSON: found byte {byte} where a record should begin; nothing after it was read")
        };
        assert_eq!(all("hello\n{}"), [no_json("0x68")]);
        assert_eq!(all("[{\"a\":1}x\n{}]"), [r#"{"a":1}"#.to_owned(), no_json("0x78")]);
        let stray = "! the rest of a line is no JSON: found byte 0x78 where a record should begin";
        assert_eq!(
            all("{\"a\":1}x\n{\"b\":1}\nx, {}\n{\"c\":1} x"),
            [r#"{"a":1}"#, stray, r#"{"b":1}"#, stray, r#"{"c":1}"#, stray]
        );
        let cut = "! the file is truncated: it ends in the middle of a record or of the list around it";
        assert_eq!(all(r#"[{"a":1},{"b":"#), [r#"{"a":1}"#, cut]);
        for between in [r#"[{"a":1},"#, r#"[{"a":1}"#, r#"{"Records": [{"a":1},"#] {
            assert_eq!(all(between), [r#"{"a":1}"#, cut], "{between}");
        }
        assert_eq!((all(r#"{"Records": ["#), all(&"[".repeat(50))), (vec![cut.to_owned()], vec![cut.to_owned()]));
        let deep = "! lists are nested deeper than 64 (see --max-depth); nothing after it was read";
        assert_eq!(all(&format!("{}{}", "[".repeat(5000), "]".repeat(5000))), [deep]);
        let lines = "{\"a\":1}\n{\"b\":{\n{\"c\":1}\n";
        assert_eq!(all(lines), [r#"{"a":1}"#, "! a record is cut off or has unbalanced brackets", r#"{"c":1}"#]);
    }

    #[test]
    fn limits_hold_and_cost_one_record_each() {
        let limits = Limits { depth: 4, string: 10, record: 60, ..Limits::default() };
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(500_000));
        let large = format!("{{{}\"b\":1}}", "\"a\":1,".repeat(100_000));
        let text = format!("[{deep},{{}},{long},{{}},{large},{{}}]");
        for step in [usize::MAX, 4096] {
            let found = frame(&text, limits, step);
            assert_eq!(found.len(), 6, "{found:?}");
            assert!(found[0].contains("nested deeper than 4") && found[2].contains("longer than 10"), "{found:?}");
            assert!(found[4].contains("larger than 60"));
            assert!([1, 3, 5].iter().all(|&good| found[good] == "{}"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_an_end(bytes in prop::collection::vec(prop::sample::select(br#"{}[]",\: aR1n
    "#.to_vec()), 0..200), step in 1_usize..9) {
            let mut framer = Framer::new(Trickle(&bytes, step), Limits::default(), Workspace::default());
            let mut count = 0;
            while framer.next().is_some() {
                count += 1;
                prop_assert!(count <= bytes.len());
            }
        }
    }
}
