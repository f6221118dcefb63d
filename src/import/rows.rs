//! Events being gathered into canonical columns.

use std::sync::Arc;

use arrow::array::{ArrayBuilder, ArrayRef, BooleanBuilder, RecordBatch, StringBuilder, TimestampMillisecondBuilder};
use arrow::error::ArrowError;

use crate::event::schema::canonical;
use crate::event::{Column, meaningful};
use crate::import::record::Event;

/// Builders of all canonical columns.
pub(super) struct Rows {
    texts: Vec<StringBuilder>,
    times: TimestampMillisecondBuilder,
    mfa: BooleanBuilder,
    global: BooleanBuilder,
    bytes: usize,
}

impl Rows {
    pub(super) fn new() -> Self {
        Self {
            texts: Column::ALL.iter().map(|_| StringBuilder::new()).collect(),
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
        for (column, builder) in Column::ALL.iter().zip(&mut self.texts) {
            let text = match column {
                Column::EventId => made_up.as_deref().or(event.text(*column)),
                Column::EventTime | Column::MfaAuthenticated | Column::IsGlobal => continue,
                _ => event.text(*column),
            };
            builder.append_option(text);
            self.bytes += text.map_or(1, |text| text.len() + 5);
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
        self.times.is_empty()
    }

    /// Gives out what was gathered and begins anew.
    pub(super) fn finish(&mut self) -> Result<RecordBatch, ArrowError> {
        let columns = Column::ALL.iter().zip(&mut self.texts).map(|(column, builder)| match column {
            Column::EventTime => Arc::new(self.times.finish()) as ArrayRef,
            Column::MfaAuthenticated => Arc::new(self.mfa.finish()),
            Column::IsGlobal => Arc::new(self.global.finish()),
            _ => Arc::new(builder.finish()),
        });
        let columns: Vec<ArrayRef> = columns.collect();
        self.bytes = 0;
        RecordBatch::try_new(canonical(), columns)
    }
}
