//! The last four weeks: how much was found each day, coloured by the gravest of it.

use chrono::Datelike;
use maud::{Markup, html};

use crate::report::night::{DayCount, Night};
use crate::report::telling::short_date;
use crate::shown::counted;

/// The section.
pub(super) fn calendar(night: &Night) -> Markup {
    html! {
        section #calendar aria-labelledby="calendar-title" {
            h2 #calendar-title { "Four weeks" }
            table.calendar {
                thead { tr { @for day in ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] { th scope="col" { (day) } } } }
                tbody { @for week in weeks(&night.days) { tr { @for day in week { (cell(day, night)) } } } }
            }
            p.quiet { "Findings a day; the colour is that of the gravest. Reports of other nights lie beside this one." }
        }
    }
}

/// The days in rows from Monday to Sunday, with gaps where a week is not whole.
fn weeks(days: &[DayCount]) -> Vec<Vec<Option<&DayCount>>> {
    let offset = days.first().map_or(0, |day| day.date.weekday().num_days_from_monday() as usize);
    let mut cells: Vec<Option<&DayCount>> = vec![None; offset];
    cells.extend(days.iter().map(Some));
    cells.resize(cells.len().next_multiple_of(7), None);
    cells.chunks(7).map(<[_]>::to_vec).collect()
}

fn cell(day: Option<&DayCount>, night: &Night) -> Markup {
    let Some(day) = day else { return html! { td {} } };
    let found = day.insights + day.alerts;
    let said = format!("{}: {}", short_date(day.date), counted(found as u64, "finding", "findings"));
    let date = day.date.format("%-d");
    let class = day.gravest.map_or("calm".to_owned(), |gravest| format!("sev-{}", gravest.name()));
    html! {
        @if !day.is_judged {
            td.unjudged title={ (short_date(day.date)) ": not judged" } { span.date { (date) } span.found { "–" } }
        } @else if day.date == night.date {
            td.today title=(said) { span.date { (date) } span class={ "found " (class) } { (found) } }
        } @else {
            td title=(said) { a href={ (day.date) ".html" } aria-label=(said) { span.date { (date) } span class={ "found " (class) } { (found) } } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_monday() {
        let first: chrono::NaiveDate = "2026-01-02".parse().unwrap();
        let days: Vec<DayCount> =
            first.iter_days().take(28).map(|date| DayCount { date, ..DayCount::default() }).collect();
        let weeks = weeks(&days);
        assert_eq!(weeks.len(), 5);
        assert!(weeks.iter().all(|week| week.len() == 7));
        assert_eq!(weeks[0].iter().filter(|day| day.is_none()).count(), 4);
        assert_eq!(weeks[1][0].unwrap().date.weekday(), chrono::Weekday::Mon);
    }
}
