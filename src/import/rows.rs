//! Events being gathered into columns, in which a text that many events have stands once.

mod texts;

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, BooleanBuilder, RecordBatch, TimestampMillisecondBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;

use crate::event::schema::canonical;
use crate::event::{Column, meaningful};
use crate::import::record::Event;
use crate::partition::write::UNIQUE;
use texts::Texts;

/// Builders of all columns.
pub(super) struct Rows {
    texts: Vec<Texts>,
    times: TimestampMillisecondBuilder,
    mfa: BooleanBuilder,
    global: BooleanBuilder,
    bytes: usize,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            texts: Column::ALL.iter().map(|column| Texts::new(!UNIQUE.contains(column))).collect(),
            times: TimestampMillisecondBuilder::new().with_timezone("UTC"),
            mfa: BooleanBuilder::new(),
            global: BooleanBuilder::new(),
            bytes: 0,
        }
    }

    /// Adds an event. One without an id gets one made from its `content`, so that it is still known when it comes again.
    pub(super) fn push(&mut self, event: &Event<'_>, content: &[u8]) {
        let made_up = match event.text(Column::EventId).and_then(meaningful) {
            Some(_) => None,
            None => Some(format!("content-{}", &blake3::hash(content).to_hex()[..32])),
        };
        for (column, texts) in Column::ALL.iter().zip(&mut self.texts) {
            let text = match column {
                Column::EventId => made_up.as_deref().or(event.text(*column)),
                Column::EventTime | Column::MfaAuthenticated | Column::IsGlobal => continue,
                _ => event.text(*column),
            };
            self.bytes += texts.push(text);
        }
        self.times.append_value(event.time);
        self.mfa.append_option(event.mfa);
        self.global.append_option(event.global);
    }

    /// About how much memory the events take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.values_slice().is_empty()
    }

    /// Gives out what was gathered and begins anew.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = Column::ALL.iter().zip(&mut self.texts).map(|(column, texts)| {
            Ok(match column {
                Column::EventTime => Arc::new(self.times.finish()) as ArrayRef,
                Column::MfaAuthenticated => Arc::new(self.mfa.finish()),
                Column::IsGlobal => Arc::new(self.global.finish()),
                _ => texts.finish()?,
            })
        });
        let columns: Vec<ArrayRef> = columns.collect::<Result<_, ArrowError>>()?;
        self.bytes = 0;
        RecordBatch::try_new(SCHEMA.clone(), columns)
    }
}

/// The canonical columns, most texts of them as keys into distinct ones.
static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let coded = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    let unique = |field: &Field| UNIQUE.iter().any(|column| column.name() == field.name());
    let canonical = canonical();
    let fields = canonical.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 if !unique(field) => Field::new(field.name(), coded.clone(), field.is_nullable()),
        _ => field.as_ref().clone(),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

/// Gathered events with every text written out.
pub(super) fn written_out(events: &RecordBatch) -> Result<RecordBatch, ArrowError> {
    let schema = canonical();
    let columns = events.columns().iter().zip(schema.fields()).map(|(column, field)| cast(column, field.data_type()));
    RecordBatch::try_new(schema.clone(), columns.collect::<Result<_, _>>()?)
}
