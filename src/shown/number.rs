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

/// A number too small for any other way, by its power of ten: `8.3e-5`.
pub fn scientific(log10: f64) -> String {
    let exponent = log10.floor();
    match format!("{:.1}", 10_f64.powf(log10 - exponent)).as_str() {
        "10.0" => format!("1.0e{:.0}", exponent + 1.0),
        digits => format!("{digits}e{exponent:.0}"),
    }
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
    fn ten_of_a_power_are_one_of_the_next() {
        let shown = [9.94e-4, 9.96e-4, 1e-3, 8.3e-5, 1.04e-300].map(|p: f64| scientific(p.log10()));
        assert_eq!(shown, ["9.9e-4", "1.0e-3", "1.0e-3", "8.3e-5", "1.0e-300"]);
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 12, 999, 1170, 1_234_567].map(number), ["0", "12", "999", "1,170", "1,234,567"]);
    }
}
