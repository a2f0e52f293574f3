//! The parts of an index that are walked one after the other. Each is one range, so even a million rows with one key
//! cost a page what it holds.

use std::collections::VecDeque;

use flowruns_domain::{Direction, SortKey};
use uuid::Uuid;

use super::Builder;

/// Where a row stands: its key, then its ids.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KeysetPosition {
    pub(super) key: SortKey,
    pub(super) ids: Vec<Uuid>,
}

/// The order of a list, and the index that it walks along.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyset {
    /// A column that the index has before the key and that has one value in the list. In the order it leaves no other
    /// index to choose.
    pub(super) prefix: Option<&'static str>,
    /// The indexed expression, and its column in the result; `None` where the ids alone are the order.
    pub(super) key: Option<(&'static str, &'static str)>,
    /// The columns that break ties; ascending in the index.
    pub(super) ids: &'static [&'static str],
    /// Which way the list goes.
    pub(super) direction: Direction,
    /// Which way the ids of one key go.
    pub(super) ties: Direction,
    /// Which way the index goes, with its ids ascending.
    pub(super) index: Direction,
    /// Whether the key can be null.
    pub(super) nullable: bool,
}

#[derive(Clone, Debug)]
pub(super) enum KeyRange {
    /// The rows of one key, from these ids on.
    Tie(SortKey, Option<Vec<Uuid>>),
    /// The rows whose key is not null and beyond this one.
    Beyond(Option<SortKey>),
    /// The rows beyond these ids, where there is no key.
    Ids(Option<Vec<Uuid>>),
}

const NULL: SortKey = SortKey::Time(None);

impl Keyset {
    /// The ranges of a list from a place on.
    pub(super) fn ranges(&self, after: Option<KeysetPosition>) -> VecDeque<KeyRange> {
        if self.key.is_none() {
            return [KeyRange::AfterIds(after.map(|place| place.ids))].into();
        }
        let nulls_first = self.nullable && self.direction == Direction::Ascending;
        let nulls_last = self.nullable && !nulls_first;
        let mut ranges = VecDeque::new();
        match after {
            None if nulls_first => ranges.extend([KeyRange::SameKey(NULL, None), KeyRange::AfterKey(None)]),
            None => ranges.push_back(KeyRange::AfterKey(None)),
            Some(place) if place.key == NULL => {
                ranges.push_back(KeyRange::SameKey(NULL, Some(place.ids)));
                ranges.extend(nulls_first.then_some(KeyRange::AfterKey(None)));
                return ranges;
            }
            Some(KeysetPosition { key, ids }) => {
                ranges.extend([KeyRange::SameKey(key.clone(), Some(ids)), KeyRange::AfterKey(Some(key))]);
            }
        }
        ranges.extend(nulls_last.then_some(KeyRange::SameKey(NULL, None)));
        ranges
    }

    /// Whether the ids of one key are read in the reverse of the order that is wanted: the index has the key in the wanted
    /// direction only together with ids in the other one.
    pub(super) fn reads_ties_in_reverse(&self, range: &KeyRange) -> bool {
        matches!(range, KeyRange::AfterKey(_)) && self.id_direction(range) != self.ties
    }

    /// Whether a range is read from the end of the index to its beginning.
    fn is_backward(&self, range: &KeyRange) -> bool {
        match range {
            KeyRange::SameKey(..) => self.ties == Direction::Descending,
            KeyRange::AfterKey(_) | KeyRange::AfterIds(_) => self.direction != self.index,
        }
    }

    fn id_direction(&self, range: &KeyRange) -> Direction {
        match self.is_backward(range) {
            true => Direction::Descending,
            false => Direction::Ascending,
        }
    }

    /// The order of a range by the index, inside the query or on its result.
    pub(super) fn order(&self, range: &KeyRange, of_result: bool) -> String {
        let id_direction = self.id_direction(range);
        let key_direction = match self.is_backward(range) {
            true => self.index.reversed(),
            false => self.index,
        };
        let key = self
            .key
            .map(|(expression, column)| if of_result { column } else { expression });
        let key = key.map(|key| format!("{key} {}", word(key_direction)));
        let ids = self.ids.iter();
        let ids = ids.map(|id| format!("{id} {}", word(id_direction)));
        let prefix = self.prefix;
        let prefix = prefix.map(|prefix| format!("{prefix} {}", word(id_direction)));
        let columns: Vec<String> = prefix.into_iter().chain(key).chain(ids).collect();
        columns.join(", ")
    }

    /// Pushes what bounds a range.
    pub(super) fn push_range(&self, sql: &mut Builder, range: &KeyRange) {
        let expression = self.key.map_or("", |(expression, _)| expression);
        match range {
            KeyRange::SameKey(SortKey::Name(name), after) => {
                let (least, greatest) = (Uuid::nil(), Uuid::max());
                let (first, last, up_to) = match self.ties {
                    Direction::Ascending => (least, greatest, " <= "),
                    Direction::Descending => (greatest, least, " >= "),
                };
                match after {
                    Some(after) => self.push_name_bound(sql, beyond(self.ties), name, after),
                    None => {
                        let first = vec![first; self.ids.len()];
                        self.push_name_bound(sql, from(self.ties), name, &first);
                    }
                }
                self.push_name_bound(sql, up_to, name, &vec![last; self.ids.len()]);
            }
            KeyRange::SameKey(key, after) => {
                sql.push(" AND ").push(expression);
                if *key == NULL {
                    sql.push(" IS NULL");
                } else {
                    sql.push(" = (SELECT ");
                    push_key(sql, key);
                    sql.push(")");
                }
                self.push_ids(sql, after.as_deref(), beyond(self.ties));
            }
            KeyRange::AfterKey(None) if self.nullable => {
                sql.push(" AND ").push(expression).push(" IS NOT NULL");
            }
            KeyRange::AfterKey(None) => {}
            KeyRange::AfterKey(Some(key)) => {
                sql.push(" AND ").push(expression);
                sql.push(beyond(self.direction));
                push_key(sql, key);
            }
            KeyRange::AfterIds(after) => self.push_ids(sql, after.as_deref(), beyond(self.direction)),
        }
    }

    /// One key and some ids: were they equal to a constant, PostgreSQL might take an index of the ids alone, and look at
    /// the rows of every key. A comparison of rows needs the index that has the key before the ids.
    fn push_name_bound(&self, sql: &mut Builder, operator: &str, name: &str, ids: &[Uuid]) {
        let expression = self.key.map_or("", |(expression, _)| expression);
        sql.push(" AND (").push(expression).push(", ");
        sql.push(self.ids.join(", ")).push(")").push(operator);
        sql.push("(").push_bind(name.to_owned());
        for id in ids {
            sql.push(", ").push_bind(*id);
        }
        sql.push(")");
    }

    /// The values are hidden from the planner, as that of a time is: where statistics are old, it might think that few
    /// ids follow, and look at all of them for the few of one time.
    fn push_ids(&self, sql: &mut Builder, after: Option<&[Uuid]>, operator: &str) {
        let Some(ids) = after else {
            return;
        };
        sql.push(" AND (").push(self.ids.join(", ")).push(")");
        sql.push(operator).push("(");
        for (index, id) in ids.iter().enumerate() {
            sql.push(if index == 0 { "(SELECT " } else { ", (SELECT " });
            sql.push_bind(*id).push(")");
        }
        sql.push(")");
    }
}

fn push_key(sql: &mut Builder, key: &SortKey) {
    match key {
        SortKey::Time(time) => sql.push_bind(time.map(|time| time.date_time())),
        SortKey::Name(name) => sql.push_bind(name.clone()),
        SortKey::Id => sql,
    };
}

const fn beyond(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " > ",
        Direction::Descending => " < ",
    }
}

const fn from(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " >= ",
        Direction::Descending => " <= ",
    }
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
