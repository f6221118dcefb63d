//! Who lives in the world: how many actors of which kind, and each one's habits, drawn from a stream of its own.
//!
//! The levels set here are relative or daily wishes; [`super::world`] scales them to the asked-for number of events.

use rand::{Rng, RngExt};
use rand_xoshiro::Xoshiro256PlusPlus;

use super::Options;
use super::actor::{Actor, Credential, Identity, Key, Kind, Principal};
use super::catalogue::Catalogue;
use super::choice::Choice;
use super::network::{Block, SERVICE_HOSTS, address_v6};
use super::rhythm::Rhythm;
use super::services::REGIONS;
use super::stream::{Purpose, normal, scatter, stream};

/// How much an actor does.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wish {
    /// So many calls on a working day.
    Daily(f64),
    /// A part of what the others leave.
    Share(f64),
}

/// Everybody, with what they call from and sign with.
#[derive(Debug, Default)]
pub(crate) struct Population {
    pub(crate) principals: Vec<Principal>,
    pub(crate) credentials: Vec<Credential>,
    pub(crate) addresses: Vec<String>,
    pub(crate) agents: Vec<String>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) wishes: Vec<Wish>,
    offices: Vec<u32>,
    shared_roles: Vec<u32>,
    servers: u32,
    homes: u32,
}

/// Part of all calls that the one big monitoring key makes: an entity dense enough for drops, whatever the size.
const MONITOR_SHARE: f64 = 0.15;
const BROWSERS: u16 = 6;
const TOOLS: u16 = 40;

/// What people and programs call with; the foreign ones are only ever used by intruders.
fn agents() -> Vec<String> {
    let browser = |version: u16| {
        format!("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/{}.0.0.0", 128 + version)
    };
    let tool = |number: u16| match number % 4 {
        0 => format!("AlibabaCloud (Linux; amd64) Java/1.8.0_{} Core/4.6.{}", 300 + number, number),
        1 => format!("AlibabaCloud (linux; amd64) Golang/1.2{} Core/0.0.1 TeaDSL/1", number % 5),
        2 => format!("AlibabaCloud (Linux x86_64) Python/3.{} TeaDSL/1", 8 + number % 6),
        _ => format!("aliyun-cli/3.0.{}", 180 + number),
    };
    let mut texts: Vec<String> = (0..BROWSERS).map(browser).chain((0..TOOLS).map(tool)).collect();
    texts.extend(["aliyuncs-internal".to_owned(), "ossutil64/v1.7.18 (Windows 10)".to_owned()]);
    texts
}

impl Population {
    /// Makes everybody.
    pub(crate) fn new(options: &Options, catalogue: &Catalogue) -> Self {
        let size = (options.events_per_day as f64).sqrt().clamp(30.0, 6_000.0) as u32;
        let mut all = Self { agents: agents(), ..Self::default() };
        all.addresses.extend(SERVICE_HOSTS.map(str::to_owned));
        let gateways = 8 + size / 25;
        all.offices = (0..gateways).map(|index| all.add_address(Block::Office.address(options.seed, index))).collect();
        for number in 0..=size / 30 {
            let mut random = stream(options.seed, Purpose::Text, 1, u64::from(number));
            let role = all.add_principal(Identity::Role, format!("ram-team-{number}"), &mut random);
            all.shared_roles.push(role);
        }
        for number in 0..size {
            all.add_actor(options, catalogue, number, kind(number, size, options.seed));
        }
        all
    }

    /// The agent of the cloud's own services.
    fn internal_agent() -> u16 {
        BROWSERS + TOOLS
    }

    /// An agent that no actor uses.
    pub(crate) fn foreign_agent() -> u16 {
        BROWSERS + TOOLS + 1
    }

    pub(crate) fn add_address(&mut self, text: String) -> u32 {
        self.addresses.push(text);
        self.addresses.len() as u32 - 1
    }

    fn add_principal(&mut self, identity: Identity, name: String, random: &mut impl Rng) -> u32 {
        let id = match identity {
            Identity::Role => format!("3{:017}", random.random_range(0..100_000_000_000_000_000_u64)),
            Identity::System => name.clone(),
            _ => format!("2{:017}", random.random_range(0..100_000_000_000_000_000_u64)),
        };
        self.principals.push(Principal { identity, id, name });
        self.principals.len() as u32 - 1
    }

    fn add_credential(&mut self, credential: Credential) -> u32 {
        self.credentials.push(credential);
        self.credentials.len() as u32 - 1
    }

    fn add_actor(&mut self, options: &Options, catalogue: &Catalogue, number: u32, kind: Kind) {
        let random = &mut stream(options.seed, Purpose::Actor, 0, u64::from(number));
        let (credentials, console) = self.add_credentials(kind, number, random);
        let addresses = self.choose_addresses(options.seed, kind, number, random);
        self.wishes.push(wish(kind, number, options, random));
        self.actors.push(Actor {
            kind,
            level: 0.0,
            rhythm: rhythm(kind, random),
            steadiness: (4.0_f64.ln() + 0.8 * normal(random)).exp().max(0.5),
            alive: lifetime(options.days.saturating_sub(options.anomaly_days), number, kind, random),
            credentials,
            addresses,
            apis: choose_apis(catalogue, kind, random),
            regions: choose_regions(kind, random),
            console,
        });
    }

    fn add_credentials(&mut self, kind: Kind, number: u32, random: &mut Xoshiro256PlusPlus) -> (Choice, Option<u32>) {
        match kind {
            Kind::Person | Kind::Administrator | Kind::Helpdesk => self.add_person(kind, number, random),
            Kind::Root => {
                let principal = self.add_principal(Identity::Root, "root".to_owned(), random);
                let console = self.add_credential(console(principal, random));
                (Choice::even([console]), Some(console))
            }
            Kind::Batch | Kind::Daemon => {
                let word = if kind == Kind::Batch { "job" } else { "svc" };
                let principal = self.add_principal(Identity::User, format!("{word}-{number}"), random);
                (Choice::even([self.add_key(principal, random)]), None)
            }
            Kind::Workload | Kind::Deployer => {
                let word = if kind == Kind::Deployer { "ci-deploy" } else { "app-role" };
                let principal = self.add_principal(Identity::Role, format!("{word}-{number}"), random);
                let sessions = random.random_range(2..8);
                let sessions: Vec<u32> = (0..sessions)
                    .map(|session| self.add_session(principal, format!("node-{session}"), random))
                    .collect();
                (Choice::zipf(sessions, 0.5), None)
            }
            Kind::Service => {
                let host = SERVICE_HOSTS[number as usize % SERVICE_HOSTS.len()];
                let principal = self.add_principal(Identity::System, host.to_owned(), random);
                let agents = [Self::internal_agent(); 2];
                let own = Credential { principal, session: None, key: Key::None, agents, multi_factor: None };
                (Choice::even([self.add_credential(own)]), None)
            }
        }
    }

    /// People sign in at the console; many have a key too, some work through a role of their team.
    fn add_person(&mut self, kind: Kind, number: u32, random: &mut Xoshiro256PlusPlus) -> (Choice, Option<u32>) {
        let name = format!("{}{number}", NAMES[number as usize % NAMES.len()]);
        let principal = self.add_principal(Identity::User, name.clone(), random);
        let console = self.add_credential(console(principal, random));
        let mut ways = vec![(console, 1.0)];
        if random.random_bool(0.6) {
            ways.push((self.add_key(principal, random), random.random_range(0.5..4.0)));
        }
        if kind == Kind::Person && random.random_bool(0.25) {
            let role = self.shared_roles[random.random_range(0..self.shared_roles.len())];
            ways.push((self.add_session(role, name, random), 1.0));
        }
        (Choice::new(ways), Some(console))
    }

    fn add_key(&mut self, principal: u32, random: &mut Xoshiro256PlusPlus) -> u32 {
        let key = Key::Permanent(format!("LTAI5t{}", letters(random.random(), 18)));
        self.add_credential(Credential { principal, session: None, key, agents: tools(random), multi_factor: None })
    }

    fn add_session(&mut self, principal: u32, session: String, random: &mut Xoshiro256PlusPlus) -> u32 {
        let (key, agents) = (Key::Temporary, tools(random));
        self.add_credential(Credential { principal, session: Some(session), key, agents, multi_factor: None })
    }

    fn choose_addresses(&mut self, seed: u64, kind: Kind, number: u32, random: &mut Xoshiro256PlusPlus) -> Choice {
        if kind == Kind::Service {
            return Choice::even([number % SERVICE_HOSTS.len() as u32]);
        }
        let mut own = Vec::new();
        if kind.is_human() {
            own.push(self.offices[random.random_range(0..self.offices.len())]);
            if random.random_bool(0.4) {
                self.homes += 1;
                own.push(self.add_address(Block::Homes.address(seed, self.homes)));
            }
        } else {
            for _ in 0..random.random_range(1..6) {
                self.servers += 1;
                own.push(self.add_address(Block::Servers.address(seed, self.servers)));
            }
        }
        if random.random_bool(0.1) {
            own.push(self.add_address(address_v6(seed, number)));
        }
        Choice::zipf(own, 1.0)
    }
}

const NAMES: [&str; 16] = [
    "alice", "bao", "chen", "dora", "emil", "fang", "gao", "hui", "ivan", "jing", "kai", "lin", "mei", "nora", "ping",
    "wei",
];

fn console(principal: u32, random: &mut impl Rng) -> Credential {
    let agents = [random.random_range(0..BROWSERS), random.random_range(0..BROWSERS)];
    let multi_factor = Some(random.random_bool(0.8));
    Credential { principal, session: None, key: Key::None, agents, multi_factor }
}

fn tools(random: &mut impl Rng) -> [u16; 2] {
    [BROWSERS + random.random_range(0..TOOLS), BROWSERS + random.random_range(0..TOOLS)]
}

/// Letters and digits of a key, from a number.
pub(crate) fn letters(seed: u64, length: u64) -> String {
    const ALPHABET: &[u8; 54] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghkmnpqrstuvwxyz23456789";
    (0..length).map(|place| char::from(ALPHABET[(scatter(seed ^ (place << 32)) % 54) as usize])).collect()
}

/// A few positions are given; the others fall as they may.
fn kind(number: u32, size: u32, seed: u64) -> Kind {
    const GIVEN: [Kind; 8] = [
        Kind::Daemon,
        Kind::Administrator,
        Kind::Helpdesk,
        Kind::Root,
        Kind::Deployer,
        Kind::Service,
        Kind::Service,
        Kind::Service,
    ];
    if let Some(kind) = GIVEN.get(number as usize) {
        return *kind;
    }
    match number {
        _ if number.is_multiple_of(size.min(400)) => Kind::Deployer,
        _ if number % 200 == 111 => Kind::Administrator,
        _ if number % 300 == 222 => Kind::Helpdesk,
        _ => match scatter(seed ^ scatter(u64::from(number))) % 100 {
            0..45 => Kind::Person,
            45..63 => Kind::Batch,
            63..85 => Kind::Workload,
            _ => Kind::Daemon,
        },
    }
}

/// Zipf by a random rank, so that an actor's number says nothing about its activity.
fn wish(kind: Kind, number: u32, options: &Options, random: &mut impl Rng) -> Wish {
    let events = options.events_per_day as f64;
    let rank = random.random_range(0.0..events.sqrt().clamp(30.0, 6_000.0));
    let part = (rank + 3.0).powf(-0.9);
    match kind {
        Kind::Daemon if number == 0 => Wish::Daily(events * MONITOR_SHARE),
        Kind::Administrator | Kind::Helpdesk => Wish::Daily(5.0 + events.sqrt() * 0.05),
        Kind::Root => Wish::Daily(2.0),
        Kind::Deployer => Wish::Daily(15.0 + events * 0.002),
        Kind::Person => Wish::Share(part * 0.3),
        Kind::Batch => Wish::Share(part * 0.7),
        Kind::Workload => Wish::Share(part * 1.2),
        Kind::Daemon | Kind::Service => Wish::Share(part),
    }
}

fn rhythm(kind: Kind, random: &mut impl Rng) -> Rhythm {
    match kind {
        Kind::Batch => Rhythm::batch(random),
        Kind::Deployer => Rhythm::core_hours(),
        Kind::Workload | Kind::Daemon | Kind::Service => Rhythm::always(random),
        Kind::Person | Kind::Administrator | Kind::Helpdesk | Kind::Root => Rhythm::office(random),
    }
}

/// Some appear, some leave, during the days before those that may have anomalies: an arrival is a deviation too, and none that is
/// labelled. The first few actors, on whom the world depends, stay.
fn lifetime(days: u32, number: u32, kind: Kind, random: &mut impl Rng) -> std::ops::Range<u32> {
    let stays = number < 8 || matches!(kind, Kind::Deployer | Kind::Administrator | Kind::Helpdesk);
    match random.random_range(0..100) {
        0..8 if !stays && days > 2 => random.random_range(1..days)..u32::MAX,
        8..14 if !stays && days > 2 => 0..random.random_range(1..days),
        _ => 0..u32::MAX,
    }
}

fn choose_regions(kind: Kind, random: &mut impl Rng) -> Choice {
    let mut own = vec![0];
    if kind != Kind::Root && random.random_bool(0.5) {
        own.insert(usize::from(random.random_bool(0.4)), random.random_range(1..REGIONS.len() as u32));
    }
    Choice::zipf(own, 1.5)
}

fn choose_apis(catalogue: &Catalogue, kind: Kind, random: &mut impl Rng) -> Choice {
    let wanted = match kind {
        Kind::Person | Kind::Administrator | Kind::Helpdesk => random.random_range(8..40),
        Kind::Root => 3,
        Kind::Deployer => 25,
        _ => random.random_range(3..14),
    };
    let suits = |writes: bool| match kind {
        Kind::Deployer => writes,
        Kind::Service => !writes,
        _ => true,
    };
    let everyday = catalogue.apis.iter().enumerate().filter(|(_, api)| suits(api.writes));
    let everyday = Choice::new(everyday.map(|(position, api)| (position as u32, api.popularity)));
    let mut own: Vec<u32> = Vec::new();
    for _ in 0..wanted * 3 {
        let api = everyday.draw(random);
        if own.len() < wanted && !own.contains(&api) {
            own.push(api);
        }
    }
    let mut weighted: Vec<(u32, f64)> = Choice::zipf(own, 0.9).shares().collect();
    let duty = |(service, name, weight): &(&str, &str, f64)| Some((u32::from(catalogue.find(service, name)?), *weight));
    weighted.extend(duties(kind).iter().filter_map(duty));
    Choice::new(weighted)
}

/// What somebody does because of what he is, with weights beside the everyday calls' sum of one.
fn duties(kind: Kind) -> &'static [(&'static str, &'static str, f64)] {
    match kind {
        Kind::Person => &[("AasSub", "ConsoleSignin", 0.02)],
        Kind::Root => &[("AasCustomer", "ConsoleSignin", 0.5)],
        Kind::Administrator => &[
            ("AasSub", "ConsoleSignin", 0.1),
            ("Ram", "AttachPolicyToUser", 0.3),
            ("Ram", "DetachPolicyFromUser", 0.2),
            ("Ram", "AttachPolicyToRole", 0.2),
            ("Ram", "CreatePolicyVersion", 0.2),
            ("Ram", "AddUserToGroup", 0.2),
        ],
        Kind::Helpdesk => &[
            ("AasSub", "ConsoleSignin", 0.1),
            ("Ims", "UpdateLoginProfile", 0.6),
            ("Ims", "CreateLoginProfile", 0.3),
            ("Ram", "ChangePassword", 0.3),
        ],
        _ => &[],
    }
}
