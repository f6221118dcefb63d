//! `insights.parquet`: one flat row an insight, every number in it, to be loaded in one line.

use std::path::Path;

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};

use crate::error::{Error, Result};
use crate::insight::Insight;
use crate::storage::AtomicFile;

/// Writes the table.
pub fn write(path: &Path, insights: &[Insight]) -> Result<()> {
    let internal = |error: polars::error::PolarsError| Error::Internal(error.to_string());
    let mut frame = DataFrame::new(insights.len(), columns(insights)).map_err(internal)?;
    let mut file = AtomicFile::create(path)?;
    ParquetWriter::new(&mut file).finish(&mut frame).map_err(internal)?;
    file.commit()
}

fn columns(insights: &[Insight]) -> Vec<Column> {
    let texts = |name: &str, pick: fn(&Insight) -> String| {
        Series::new(name.into(), insights.iter().map(pick).collect::<Vec<String>>()).into_column()
    };
    let numbers = |name: &str, pick: fn(&Insight) -> f64| {
        Series::new(name.into(), insights.iter().map(pick).collect::<Vec<f64>>()).into_column()
    };
    let counts = |name: &str, pick: fn(&Insight) -> u64| {
        Series::new(name.into(), insights.iter().map(|insight| pick(insight) as i64).collect::<Vec<i64>>())
            .into_column()
    };
    let time = |name: &str, pick: fn(&Insight) -> chrono::DateTime<chrono::Utc>| {
        Series::new(name.into(), insights.iter().map(|insight| pick(insight).naive_utc()).collect::<Vec<_>>())
            .into_column()
    };
    vec![
        texts("insight_id", |insight| insight.id.to_string()),
        texts("date", |insight| insight.date.to_string()),
        texts("insight_type", |insight| insight.insight_type.name().to_owned()),
        texts("severity", |insight| insight.severity.name().to_owned()),
        numbers("score", |insight| insight.score),
        texts("account", |insight| insight.account.clone()),
        texts("region", |insight| insight.region.clone()),
        texts("family", |insight| insight.family.name().to_owned()),
        texts("entity", |insight| insight.entity.clone()),
        texts("direction", |insight| format!("{:?}", insight.direction).to_lowercase()),
        texts("judged_by", |insight| insight.model.map_or(String::new(), |model| format!("{model:?}").to_lowercase())),
        time("start", |insight| insight.start),
        time("end", |insight| insight.end),
        Series::new("ended".into(), insights.iter().map(|insight| insight.ended).collect::<Vec<bool>>()).into_column(),
        counts("minutes", |insight| insight.minutes() as u64),
        counts("observed", |insight| insight.observed),
        counts("errors", |insight| insight.errors),
        numbers("expected", |insight| insight.expected),
        counts("expected_lower", |insight| insight.expected_lower),
        counts("expected_upper", |insight| insight.expected_upper),
        numbers("average_per_minute", Insight::average),
        numbers("baseline_average_per_minute", |insight| insight.baseline_average),
        numbers("p_value", Insight::p_value),
        numbers("log10_p_value", |insight| insight.ln_p / std::f64::consts::LN_10),
        numbers("q_value", |insight| insight.ln_q.map_or(f64::NAN, f64::exp)),
        counts("days_of_history", |insight| insight.days_known as u64),
        texts("sentence", |insight| insight.sentence.clone()),
        texts("incident", |insight| insight.incident.id.to_string()),
        counts("incident_rank", |insight| u64::from(insight.incident.rank)),
        texts("culprit", |insight| {
            insight.incident.culprit.as_ref().map_or(String::new(), |culprit| culprit.value.clone())
        }),
        texts("concerns", |insight| {
            insight.concerns.iter().map(|concern| concern.name()).collect::<Vec<_>>().join(" ")
        }),
        texts("example_event_ids", |insight| insight.examples.join(" ")),
    ]
}
