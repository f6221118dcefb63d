//! Rows as the columns of the canonical schema.
//!
//! Nearly every column is a look-up in a small table made once per day, so a row costs a few integers and no text; only the
//! event id is spelt out. Columns that this world has nothing to say about are null.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, DictionaryArray, Int32Array, StringArray, StringBuilder, TimestampMillisecondArray,
    new_null_array,
};
use arrow::datatypes::Int32Type;
use chrono::NaiveTime;

use crate::error::{Error, Result};
use crate::event::Column;

use super::catalogue::Api;
use super::row::{Row, SUCCESS};
use super::services::{ERRORS, REGIONS};
use super::stream::scatter;
use super::texts;
use super::world::World;

/// Texts by position in one of the world's tables, some of them null.
#[derive(Debug)]
struct Table {
    values: ArrayRef,
    /// The position among the values, negative for null.
    places: Vec<i32>,
}

impl Table {
    fn new<Text: Into<String>>(texts: impl IntoIterator<Item = Option<Text>>) -> Self {
        let mut values: Vec<String> = Vec::new();
        let place = |text: Option<Text>| {
            let Some(text) = text else { return -1 };
            values.push(text.into());
            values.len() as i32 - 1
        };
        let places = texts.into_iter().map(place).collect();
        Self { values: Arc::new(StringArray::from(values)), places }
    }

    fn look_up(&self, rows: &[Row], position: impl Fn(&Row) -> usize) -> Result<ArrayRef> {
        let place = |row: &Row| Some(self.places[position(row)]).filter(|place| *place >= 0);
        let keys: Int32Array = rows.iter().map(place).collect();
        let array = DictionaryArray::<Int32Type>::try_new(keys, self.values.clone());
        Ok(Arc::new(array.map_err(Error::internal)?))
    }
}

/// The tables of one day.
#[derive(Debug)]
pub(crate) struct Columns {
    midnight: i64,
    identifier: String,
    constants: [Table; 3],
    names: Table,
    services: Table,
    sources: Table,
    types: Table,
    effects: Table,
    versions: Table,
    global: Vec<bool>,
    regions: Table,
    addresses: Table,
    agents: Table,
    identities: Table,
    principals: Table,
    users: Table,
    keys: Table,
    multi_factor: Vec<Option<bool>>,
    error_codes: Table,
    error_messages: Table,
    resource_types: Table,
    resource_names: Table,
    requests: Table,
    sign_ins: Table,
}

impl Columns {
    /// Makes the tables of a day.
    pub(crate) fn new(world: &World, day: u32) -> Self {
        let apis = &world.catalogue.apis;
        let people = &world.people;
        let of_api = |text: fn(&Api) -> Option<String>| Table::new(apis.iter().map(text));
        let error =
            |text: fn(&(&str, &str)) -> String| Table::new(ERRORS.iter().map(|error| Some(text(error))).chain([None]));
        let of_request = |text: fn(&World, usize) -> Option<String>| {
            let count = apis.len() * world.variants as usize + world.special_requests.len();
            Table::new((0..count).map(|request| text(world, request)))
        };
        Self {
            midnight: world.options.first_day.and_time(NaiveTime::MIN).and_utc().timestamp_millis(),
            identifier: identifier(world.options.seed, day),
            constants: ["Management", super::world::ACCOUNT, "alibaba"].map(|text| Table::new([Some(text)])),
            names: of_api(|api| Some(api.name.clone())),
            services: of_api(|api| Some(api.service.to_owned())),
            sources: Table::new(apis.iter().flat_map(|api| REGIONS.map(|region| Some(texts::source(api, region))))),
            types: of_api(|api| Some(if api.is_sign_in() { "ConsoleSignin" } else { "ApiCall" }.to_owned())),
            effects: of_api(|api| Some(if api.writes { "Write" } else { "Read" }.to_owned())),
            versions: of_api(|api| api.version.map(str::to_owned)),
            global: apis.iter().map(texts::is_global).collect(),
            regions: Table::new(REGIONS.map(Some)),
            addresses: Table::new(people.addresses.iter().map(Some)),
            agents: Table::new(people.agents.iter().map(Some)),
            identities: Table::new(people.credentials.iter().map(|own| Some(texts::identity(world, own)))),
            principals: Table::new(people.credentials.iter().map(|own| Some(texts::principal(world, own)))),
            users: Table::new(people.credentials.iter().map(|own| Some(texts::user(world, own)))),
            keys: Table::new((0..people.credentials.len()).map(|position| texts::key(world, position, day))),
            multi_factor: people.credentials.iter().map(|own| own.multi_factor).collect(),
            error_codes: error(|error| error.0.to_owned()),
            error_messages: error(|error| error.1.to_owned()),
            resource_types: of_request(texts::resource_type),
            resource_names: of_request(texts::resource_name),
            requests: of_request(texts::parameters),
            sign_ins: Table::new([None, Some("false"), Some("true")].map(|flag| Some(texts::sign_in(flag?)))),
        }
    }

    /// One column of the rows; `first` is how many rows of the day came before.
    pub(crate) fn build(&self, column: Column, rows: &[Row], first: usize) -> Result<ArrayRef> {
        let [category, account, cloud] = &self.constants;
        let credential = |row: &Row| row.credential as usize;
        let api = |row: &Row| row.api as usize;
        let error = |row: &Row| if row.error == SUCCESS { ERRORS.len() } else { row.error as usize };
        let request = |row: &Row| row.request as usize;
        match column {
            Column::EventId => Ok(self.identifiers(rows.len(), first)),
            Column::EventTime => Ok(self.times(rows)),
            Column::EventName => self.names.look_up(rows, api),
            Column::ServiceName => self.services.look_up(rows, api),
            Column::EventSource => {
                self.sources.look_up(rows, |row| row.api as usize * REGIONS.len() + row.region as usize)
            }
            Column::EventType => self.types.look_up(rows, api),
            Column::EventCategory => category.look_up(rows, |_| 0),
            Column::EventRw => self.effects.look_up(rows, api),
            Column::ApiVersion => self.versions.look_up(rows, api),
            Column::Region => self.regions.look_up(rows, |row| row.region as usize),
            Column::SourceIpAddress => self.addresses.look_up(rows, |row| row.address as usize),
            Column::UserAgent => self.agents.look_up(rows, |row| row.agent as usize),
            Column::AccountId | Column::RecipientAccountId => account.look_up(rows, |_| 0),
            Column::UserIdentityType => self.identities.look_up(rows, credential),
            Column::PrincipalId => self.principals.look_up(rows, credential),
            Column::UserName => self.users.look_up(rows, credential),
            Column::AccessKeyId => self.keys.look_up(rows, credential),
            Column::MfaAuthenticated => Ok(self.factors(rows)),
            Column::ErrorCode => self.error_codes.look_up(rows, error),
            Column::ErrorMessage => self.error_messages.look_up(rows, error),
            Column::ResourceType => self.resource_types.look_up(rows, request),
            Column::ResourceName => self.resource_names.look_up(rows, request),
            Column::IsGlobal => Ok(self.globals(rows)),
            Column::RequestParameters => self.requests.look_up(rows, request),
            Column::AdditionalEventData => self.sign_ins.look_up(rows, |row| self.sign_in(row)),
            Column::Cloud => cloud.look_up(rows, |_| 0),
            Column::RequestId
            | Column::VpcId
            | Column::ResponseElements
            | Column::UserIdentity
            | Column::OtherFields => Ok(new_null_array(&column.data_type(), rows.len())),
        }
    }

    fn identifiers(&self, count: usize, first: usize) -> ArrayRef {
        let mut builder = StringBuilder::with_capacity(count, count * 36);
        let mut text = self.identifier.clone();
        for number in first..first + count {
            text.truncate(self.identifier.len());
            for place in (0..12).rev() {
                text.push(char::from(b"0123456789ABCDEF"[(number >> (4 * place)) & 15]));
            }
            builder.append_value(&text);
        }
        Arc::new(builder.finish())
    }

    fn times(&self, rows: &[Row]) -> ArrayRef {
        let times = rows.iter().map(|row| self.midnight + i64::from(row.second) * 1_000);
        Arc::new(TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC"))
    }

    fn factors(&self, rows: &[Row]) -> ArrayRef {
        Arc::new(rows.iter().map(|row| self.multi_factor[row.credential as usize]).collect::<BooleanArray>())
    }

    fn globals(&self, rows: &[Row]) -> ArrayRef {
        Arc::new(rows.iter().map(|row| Some(self.global[row.api as usize])).collect::<BooleanArray>())
    }

    /// Nothing for calls; for sign-ins, whether a second factor was asked for.
    fn sign_in(&self, row: &Row) -> usize {
        let second_factor = self.multi_factor[row.credential as usize] == Some(true);
        // Only sign-ins are no calls of a versioned API.
        let is_sign_in = self.versions.places[row.api as usize] < 0;
        if is_sign_in { 1 + usize::from(second_factor) } else { 0 }
    }
}

/// Everything of an event id but its counter: the shape of a UUID, alike enough all day long to compress to nearly nothing.
fn identifier(seed: u64, day: u32) -> String {
    let words = scatter(seed);
    format!("{:08X}-{:04X}-5{:03X}-{:04X}-", words >> 32, (words >> 16) & 0xFFFF, words & 0xFFF, day & 0xFFFF)
}
