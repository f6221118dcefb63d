//! The APIs of this world: what each is called, how popular it is, how often and how it fails.
//!
//! Who calls which API is the actors' affair.

use rand::RngExt;
use rand_distr::{Beta, Distribution};

use super::choice::Choice;
use super::services::{ERRORS, NAMED, RESERVED, SERVICES, Service, Style};
use super::stream::{Purpose, stream};

/// The position of a wrong password in [`ERRORS`].
pub(crate) const WRONG_PASSWORD: u8 = 9;
/// The position of a missing permission in [`ERRORS`].
pub(crate) const NO_PERMISSION: u8 = 1;

/// One API.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) name: String,
    pub(crate) service: &'static str,
    pub(crate) host: &'static str,
    pub(crate) version: Option<&'static str>,
    pub(crate) writes: bool,
    /// What it works on, if that is named in its events.
    pub(crate) thing: Option<&'static str>,
    /// Relative frequency among everyday actors; zero if it is nobody's everyday business.
    pub(crate) popularity: f64,
    pub(crate) error_share: f64,
    /// Positions in [`ERRORS`].
    pub(crate) errors: Choice,
}

/// All APIs.
#[derive(Debug)]
pub(crate) struct Catalogue {
    pub(crate) apis: Vec<Api>,
}

impl Catalogue {
    /// About `everyday` APIs that people and machines use, and those that only a few do.
    pub(crate) fn new(seed: u64, everyday: usize) -> Self {
        let mut apis: Vec<Api> = NAMED
            .iter()
            .map(|(service, name, writes, popularity)| Api {
                popularity: *popularity,
                ..api(service, (*name).to_owned(), *writes, None)
            })
            .collect();
        let patterned = SERVICES.iter().enumerate().flat_map(|(rank, service)| patterned(rank, service));
        apis.extend(patterned.filter(|made| !is_reserved(made) && !is_named(made)));
        keep_most_popular(&mut apis, everyday);
        for (position, api) in apis.iter_mut().enumerate() {
            set_failures(seed, position, api);
        }
        Self { apis }
    }

    /// The position of a named API, if this world has it; those of [`NAMED`] are always there.
    pub(crate) fn find(&self, service: &str, name: &str) -> Option<u16> {
        self.apis.iter().position(|api| api.service == service && api.name == name).map(|position| position as u16)
    }

    /// The position of the sign-in of RAM users.
    pub(crate) fn sign_in(&self) -> u16 {
        self.find("AasSub", "ConsoleSignin").unwrap_or(u16::MAX)
    }
}

impl Api {
    /// Whether the event is a logon and no API call.
    pub(crate) fn is_sign_in(&self) -> bool {
        self.name == "ConsoleSignin"
    }
}

fn api(service: &'static str, name: String, writes: bool, thing: Option<&'static str>) -> Api {
    let known = SERVICES.iter().find(|known| known.name == service);
    Api {
        name,
        service,
        host: known.map_or("signin.aliyun.com", |known| known.host),
        version: known.map(|known| known.version),
        writes,
        thing,
        popularity: 0.0,
        error_share: 0.0,
        errors: Choice::default(),
    }
}

/// The APIs that a service's naming pattern gives; what changes things is called far less than what reads them.
fn patterned(rank: usize, service: &'static Service) -> Vec<Api> {
    let mut apis = Vec::new();
    for (position, thing) in service.things.iter().enumerate() {
        let base = 20.0 / (1.0 + rank as f64).powf(0.8) / (1.0 + position as f64);
        for (name, writes, weight) in names(service.style, thing) {
            let made = api(service.name, name, writes, (writes || weight < 1.0).then_some(*thing));
            apis.push(Api { popularity: base * weight, ..made });
        }
    }
    apis
}

fn names(style: Style, thing: &str) -> Vec<(String, bool, f64)> {
    let many = plural(thing);
    let patterns: &[(&str, &str, &str, bool, f64)] = match style {
        Style::Describe => &[
            ("Describe", &many, "", false, 1.0),
            ("Describe", thing, "Attribute", false, 0.5),
            ("Modify", thing, "Attribute", true, 0.08),
            ("Create", thing, "", true, 0.06),
            ("Delete", thing, "", true, 0.04),
        ],
        Style::List => &[
            ("List", &many, "", false, 1.0),
            ("Get", thing, "", false, 0.7),
            ("Update", thing, "", true, 0.08),
            ("Create", thing, "", true, 0.06),
            ("Delete", thing, "", true, 0.04),
        ],
        Style::Put => &[
            ("Get", thing, "", false, 1.0),
            ("List", &many, "", false, 0.5),
            ("Put", thing, "", true, 0.3),
            ("Delete", thing, "", true, 0.06),
        ],
    };
    patterns
        .iter()
        .map(|(verb, thing, end, writes, weight)| (format!("{verb}{thing}{end}"), *writes, *weight))
        .collect()
}

fn plural(thing: &str) -> String {
    match thing.strip_suffix('y').filter(|stem| !stem.ends_with(['e', 'a', 'o'])) {
        Some(stem) => format!("{stem}ies"),
        None if thing.ends_with('s') || thing.ends_with("Data") || thing.ends_with("Info") => thing.to_owned(),
        None if thing.ends_with("ch") => format!("{thing}es"),
        None => format!("{thing}s"),
    }
}

fn is_named(api: &Api) -> bool {
    NAMED.iter().any(|(service, name, ..)| api.service == *service && api.name == *name)
}

fn is_reserved(api: &Api) -> bool {
    RESERVED.iter().any(|(service, names)| api.service == *service && names.contains(&api.name.as_str()))
}

fn keep_most_popular(apis: &mut Vec<Api>, everyday: usize) {
    let mut popularities: Vec<f64> = apis.iter().map(|api| api.popularity).collect();
    popularities.sort_by(|left, right| right.total_cmp(left));
    let least = popularities.get(everyday).copied().unwrap_or(0.0);
    let mut position = 0;
    apis.retain(|api| {
        position += 1;
        position <= NAMED.len() || api.popularity > least
    });
}

fn set_failures(seed: u64, position: usize, api: &mut Api) {
    let mut random = stream(seed, Purpose::Catalogue, 0, position as u64);
    api.error_share = Beta::new(0.8, 26.0).map_or(0.03, |beta| beta.sample(&mut random));
    let everyday = ERRORS.len() as u8 - 2;
    let first = random.random_range(0..everyday);
    let second = (first + random.random_range(1..everyday)) % everyday;
    api.errors = Choice::new([(u32::from(first), 0.8), (u32::from(second), 0.2)]);
    if api.is_sign_in() {
        api.error_share = 0.06;
        api.errors = Choice::even([u32::from(WRONG_PASSWORD)]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_differ_and_everything_named_is_there() {
        let catalogue = Catalogue::new(1, 800);
        let names: BTreeSet<_> = catalogue.apis.iter().map(|api| (api.service, api.name.clone())).collect();
        assert_eq!(names.len(), catalogue.apis.len());
        assert!((600..=900).contains(&names.len()), "{}", names.len());
        let few = Catalogue::new(1, 120);
        for (service, name, ..) in NAMED {
            let found = &few.apis[few.find(service, name).unwrap() as usize];
            assert_eq!((found.service, found.name.as_str()), (service, name));
        }
        assert!(few.apis.len() < 200, "{}", few.apis.len());
    }
}
