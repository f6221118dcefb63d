//! Columns that a file holds in pieces or in another form: a JSON object that was taken apart into nested or flattened fields, an
//! identity that is one text, whether a call only reads.
//!
//! Which these are is found out from the schema; nothing is made that is not asked for. A column that the file holds as it should
//! be is never made.

use std::collections::BTreeSet;

use arrow::array::StringArray;

use crate::error::Result;
use crate::event::dialect::{ENVELOPE, objects, spelled};
use crate::event::{Column, IdentityText, OF_IDENTITY, cloud_of, truth};
use crate::partition::TextColumn;
use crate::partition::columns::Leaf;
use crate::partition::nested::{is_bare, push_text, push_value};

/// How a column is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// One text throughout.
    Constant(&'static str),
    /// A JSON object.
    Object(Object),
    /// What an identity tells for a column.
    Identity(Column, Object),
    /// `Read` or `Write`, by a truth.
    Access(Leaf),
    /// The cloud, by the first of some fields that tells it.
    Cloud(Vec<Leaf>),
}

/// Fields that are one JSON object together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    parts: Vec<PlacedField>,
    /// Whether texts that are JSON objects or lists are taken for such: nobody writes them so for a plain text.
    opens_texts: bool,
}

/// A field, and where in the object it belongs; at no path it is the whole of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct PlacedField {
    path: Vec<String>,
    leaf: Leaf,
}

impl Made {
    /// How the columns are made that have none of `leaves`, of all that a file has (`parts`, nested ones whole).
    pub(super) fn of_schema(
        leaves: &[Vec<Leaf>],
        parts: &[Leaf],
        own: &dyn Fn(Column) -> Option<String>,
    ) -> Vec<Option<Self>> {
        let is_free = |column: Column| leaves[column as usize].is_empty();
        let mut made: Vec<Option<Self>> = Column::ALL.iter().map(|_| None).collect();
        for column in Column::ALL.into_iter().filter(|&column| is_free(column)) {
            made[column as usize] = match (own(column), objects(column)) {
                (_, []) => None,
                (Some(own), _) => Object::below(parts, &[&own.to_lowercase()], column).map(Self::Object),
                (None, prefixes) => Object::below(parts, prefixes, column).map(Self::Object),
            };
        }
        let identity = match (&leaves[Column::UserIdentity as usize][..], &made[Column::UserIdentity as usize]) {
            ([leaf, ..], _) => Some(Object::whole(leaf.clone())),
            (_, Some(Self::Object(object))) if object.is_whole() => Some(object.clone()),
            _ => None,
        };
        let unset = |column: &Column| is_free(*column) && own(*column).is_none();
        if let Some(identity) = identity {
            for column in OF_IDENTITY.into_iter().filter(unset) {
                made[column as usize] = Some(Self::Identity(column, identity.clone()));
            }
        }
        let find = |name: &str| parts.iter().find(|part| part.is_simple() && lower_path(part) == name);
        if unset(&Column::EventRw) {
            made[Column::EventRw as usize] = find("readonly").cloned().map(Self::Access);
        }
        if unset(&Column::Cloud) {
            made[Column::Cloud as usize] = Self::cloud(leaves, &find);
        }
        if unset(&Column::OtherFields) {
            made[Column::OtherFields as usize] = Object::rest(parts, leaves, &made).map(Self::Object);
        }
        made
    }

    fn cloud<'p>(leaves: &[Vec<Leaf>], find: &dyn Fn(&str) -> Option<&'p Leaf>) -> Option<Self> {
        match (find("awsregion"), find("acsregion")) {
            (Some(_), None) => return Some(Self::Constant("aws")),
            (None, Some(_)) => return Some(Self::Constant("alibaba")),
            _ => {}
        }
        let sources =
            [Column::EventSource, Column::ServiceName].into_iter().flat_map(|column| &leaves[column as usize]);
        let telling: Vec<Leaf> = find("cloud.provider").into_iter().chain(sources).cloned().collect();
        (!telling.is_empty()).then_some(Self::Cloud(telling))
    }

    /// The leaves that it is made of.
    pub fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Object(object) | Self::Identity(_, object) => object.parts.iter().map(|part| &part.leaf).collect(),
            Self::Access(leaf) => vec![leaf],
            Self::Cloud(leaves) => leaves.iter().collect(),
        }
    }

    /// Its texts; `text` finds those of a leaf.
    pub(super) fn texts(&self, rows: usize, text: &dyn Fn(&Leaf) -> Result<TextColumn>) -> Result<TextColumn> {
        let access = |word: &str| Some(if truth(word)? { "Read" } else { "Write" }.to_owned());
        let cloud = |name: &str| cloud_of(name).map(str::to_owned);
        Ok(match self {
            Self::Constant(word) => TextColumn::constant(Some(word)),
            Self::Object(object) => object.texts(rows, text)?,
            Self::Identity(column, object) => {
                object.texts(rows, text)?.mapped(|identity| IdentityText::parse(identity).of(*column))
            }
            Self::Access(leaf) => text(leaf)?.mapped(access),
            Self::Cloud(leaves) => {
                let told = leaves.iter().map(|leaf| Ok(text(leaf)?.mapped(cloud)));
                TextColumn::coalesce(told.collect::<Result<_>>()?, rows)
            }
        })
    }
}

impl Object {
    fn whole(leaf: Leaf) -> Self {
        Self { parts: vec![PlacedField { path: Vec::new(), leaf }], opens_texts: true }
    }

    /// Whether it is one field, and not taken apart.
    fn is_whole(&self) -> bool {
        matches!(&self.parts[..], [part] if part.path.is_empty())
    }

    /// The first of the prefixes below which there is something.
    fn below(parts: &[Leaf], prefixes: &[&str], column: Column) -> Option<Self> {
        let opens_texts = column == Column::UserIdentity;
        let of = |prefix: &&str| {
            let depth = prefix.split('.').count();
            let inside = |part: &&Leaf| {
                let path = lower_path(part);
                path.strip_prefix(*prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            let spell = |name: String| if opens_texts { spelled(&name).to_owned() } else { name };
            let path = |leaf: &Leaf| path_of(leaf).split_off(depth).into_iter().map(spell).collect();
            let part = |leaf: &Leaf| PlacedField { path: path(leaf), leaf: leaf.clone() };
            let parts: Vec<PlacedField> = parts.iter().filter(inside).map(part).collect();
            (!parts.is_empty()).then_some(Self { parts, opens_texts })
        };
        prefixes.iter().find_map(of)
    }

    /// Whatever no column holds.
    fn rest(parts: &[Leaf], leaves: &[Vec<Leaf>], made: &[Option<Made>]) -> Option<Self> {
        let mut held: BTreeSet<usize> = leaves.iter().flatten().map(|leaf| leaf.index).collect();
        held.extend(made.iter().flatten().flat_map(Made::leaves).map(|leaf| leaf.index));
        let free = parts.iter().filter(|part| !held.contains(&part.index));
        let path = |leaf: &Leaf| path_of(leaf).iter().map(|name| spelled(name).to_owned()).collect();
        let parts: Vec<PlacedField> = free.map(|leaf| PlacedField { path: path(leaf), leaf: leaf.clone() }).collect();
        (!parts.is_empty()).then_some(Self { parts, opens_texts: true })
    }

    fn texts(&self, rows: usize, text: &dyn Fn(&Leaf) -> Result<TextColumn>) -> Result<TextColumn> {
        if let [PlacedField { leaf, .. }] = &self.parts[..]
            && self.is_whole()
        {
            let whole = text(leaf)?;
            return Ok(if self.opens_texts && !leaf.is_simple() { whole.mapped(opened) } else { whole });
        }
        let columns = self.parts.iter().map(|part| text(&part.leaf)).collect::<Result<Vec<_>>>()?;
        let mut root = Node::default();
        self.parts.iter().enumerate().for_each(|(number, part)| root.insert(&part.path, number));
        let row = |row: usize| {
            let mut out = String::new();
            self.write(&root, &columns, row, &mut out).then_some(out)
        };
        let texts: StringArray = (0..rows).map(row).collect();
        Ok(TextColumn::of_rows(&texts))
    }

    /// Adds a row's object; false, and nothing added, where nothing is in it.
    fn write(&self, node: &Node, columns: &[TextColumn], row: usize, out: &mut String) -> bool {
        if let Some(number) = node.part {
            let Some(text) = columns[number].row_as_written(row) else { return false };
            let is_open = self.opens_texts && text.starts_with(['{', '[']);
            push_value(out, text, is_open || is_bare(&self.parts[number].leaf.data_type));
            return true;
        }
        let begin = out.len();
        out.push('{');
        let first = out.len();
        for (name, child) in &node.children {
            let before = out.len();
            if before > first {
                out.push(',');
            }
            push_text(out, name);
            out.push(':');
            if !self.write(child, columns, row, out) {
                out.truncate(before);
            }
        }
        if out.len() == first {
            out.truncate(begin);
            return false;
        }
        out.push('}');
        true
    }
}

/// The fields of an object by name; a leaf is a part's number.
#[derive(Debug, Default)]
struct Node {
    part: Option<usize>,
    children: Vec<(String, Self)>,
}

impl Node {
    fn insert(&mut self, path: &[String], number: usize) {
        let Some((name, rest)) = path.split_first() else {
            self.part = Some(number);
            return;
        };
        let known = self.children.iter().position(|(known, _)| known == name);
        let place = known.unwrap_or_else(|| {
            self.children.push((name.clone(), Self::default()));
            self.children.len() - 1
        });
        self.children[place].1.insert(rest, number);
    }
}

/// An object with those of its texts that are JSON themselves as such.
fn opened(text: &str) -> Option<String> {
    use serde_json::Value;
    let open = |value: &mut Value| {
        if let Value::String(text) = value
            && text.starts_with(['{', '['])
            && let Ok(inner) = serde_json::from_str(text)
        {
            *value = inner;
        }
    };
    let mut value: Value = serde_json::from_str(text).ok()?;
    value.as_object_mut().into_iter().flatten().for_each(|(_, value)| open(value));
    Some(value.to_string())
}

/// The names on the way to a field, without a log store's envelope.
fn path_of(leaf: &Leaf) -> Vec<String> {
    let path = leaf.path.join(".");
    let bare = path.get(ENVELOPE.len()..).filter(|_| path.to_lowercase().starts_with(ENVELOPE));
    bare.unwrap_or(&path).split('.').map(str::to_owned).collect()
}

fn lower_path(leaf: &Leaf) -> String {
    path_of(leaf).join(".").to_lowercase()
}
