//! Numbers and times in sentences.

use chrono::{DateTime, Duration, Utc};

/// `1 call`, `1,204 calls`.
pub fn counted(value: u64, one: &str, many: &str) -> String {
    if value == 1 { format!("1 {one}") } else { format!("{} {many}", number(value)) }
}

/// `1,170`.
pub fn number(value: u64) -> String {
    let digits = value.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap_or_default()).collect();
    groups.join(",")
}

/// `between 16:32 and 16:34 UTC`, with the days where the two differ.
pub fn span(start: DateTime<Utc>, end: DateTime<Utc>) -> String {
    if (end - start).num_minutes() <= 1 {
        return format!("at {} UTC", start.format("%H:%M"));
    }
    let last_minute = end - Duration::minutes(1);
    if last_minute.date_naive() != start.date_naive() {
        return format!("between {} and {} UTC", start.format("%Y-%m-%d %H:%M"), end.format("%Y-%m-%d %H:%M"));
    }
    let end = if end.date_naive() == start.date_naive() { end.format("%H:%M").to_string() } else { "24:00".to_owned() };
    format!("between {} and {end} UTC", start.format("%H:%M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1170, 1_234_567].map(number), ["0", "12", "999", "1,170", "1,234,567"]);
    }
}
