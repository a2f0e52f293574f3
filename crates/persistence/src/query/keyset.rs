//! Keyset pagination: a page begins after the key of the last row of the page before, and reads one index in its order.
//!
//! A list is ordered by a key (such as `start_at`) and, where keys are equal, by ids. After the position (k2, b) the rest
//! of the list is at most three ranges of the index, which are read one after the other:
//!
//! ```text
//!  key  k1  k2  k2  k2  k2  k3  k4 … kn  NULL NULL
//!  id    a   a   b   c   d   a   a     b    a    b
//!                ^
//!                position
//!                    [SameKey]              the ids after b of the key k2
//!                            [AfterKey…]    every key after k2
//!                                      [SameKey(NULL)]
//! ```
//!
//! Each range is one condition on the index, so the database begins at its first row and stops at its last one. One
//! condition for all of them, `(key, id) > (k2, b)`, would need ids in the direction of the key and keys that are never
//! null. What bounds a page is therefore what it holds, however many rows share one key, plus the rows that the filter
//! rejects: of those a page reads at most [`SCAN_LIMIT`](flowruns_domain::query::SCAN_LIMIT), and then ends early with the
//! position that it reached.

use std::collections::VecDeque;

use flowruns_domain::query::{Direction, SortKey};
use uuid::Uuid;

use super::Builder;

/// The position of a row in a list: its key, then its ids.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct KeysetPosition {
    pub(super) key: SortKey,
    pub(super) ids: Vec<Uuid>,
}

/// The order of a list, and the index that has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Keyset {
    /// A column before the key in the index, which has one value in the list. It is part of the ORDER BY, so that no
    /// other index has this order.
    pub(super) prefix: Option<&'static str>,
    /// The indexed expression, and its column in the result; `None` where the ids alone are the order.
    pub(super) key: Option<(&'static str, &'static str)>,
    /// The columns that break ties; ascending in the index.
    pub(super) ids: &'static [&'static str],
    /// The direction of the list.
    pub(super) direction: Direction,
    /// The direction of the ids among rows of one key.
    pub(super) ties: Direction,
    /// The direction of the key in the index, whose ids are ascending.
    pub(super) index: Direction,
    /// Whether the key can be null.
    pub(super) nullable: bool,
}

/// A part of a list that one condition on the index bounds.
#[derive(Clone, Debug)]
pub(super) enum KeyRange {
    /// The rows of one key, after these ids if there are any.
    SameKey(SortKey, Option<Vec<Uuid>>),
    /// The rows whose key is not null, after this key if there is one.
    AfterKey(Option<SortKey>),
    /// The rows after these ids, in a list without a key.
    AfterIds(Option<Vec<Uuid>>),
}

/// The null of every kind of key.
const NULL: SortKey = SortKey::Time(None);

impl Keyset {
    /// The ranges of a list after a position, in the order of the list.
    pub(super) fn ranges(&self, after: Option<KeysetPosition>) -> VecDeque<KeyRange> {
        use KeyRange::{AfterIds, AfterKey, SameKey};
        if self.key.is_none() {
            return [AfterIds(after.map(|position| position.ids))].into();
        }
        // Null sorts lowest.
        let nulls_first = self.nullable && self.direction == Direction::Ascending;
        let nulls_last = self.nullable && !nulls_first;
        let mut ranges = VecDeque::new();
        match after {
            None if nulls_first => ranges.extend([SameKey(NULL, None), AfterKey(None)]),
            None => ranges.push_back(AfterKey(None)),
            Some(KeysetPosition { key, ids }) if key == NULL => {
                ranges.push_back(SameKey(NULL, Some(ids)));
                ranges.extend(nulls_first.then_some(AfterKey(None)));
                return ranges;
            }
            Some(KeysetPosition { key, ids }) => {
                ranges.extend([SameKey(key.clone(), Some(ids)), AfterKey(Some(key))]);
            }
        }
        ranges.extend(nulls_last.then_some(SameKey(NULL, None)));
        ranges
    }

    /// Whether a range returns the ids of one key in the opposite of the wanted direction. A range of many keys has the
    /// ids in the direction in which the index is read; the caller reverses each tie.
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

    /// The ORDER BY of a range: that of the index within the query, or the same order of its result.
    pub(super) fn order(&self, range: &KeyRange, of_result: bool) -> String {
        let id_direction = self.id_direction(range);
        let key_direction = match self.is_backward(range) {
            true => self.index.reversed(),
            false => self.index,
        };
        let key = self.key.map(|(expression, column)| if of_result { column } else { expression });
        let key = key.map(|key| format!("{key} {}", sql_direction(key_direction)));
        let ids = self.ids.iter();
        let ids = ids.map(|id| format!("{id} {}", sql_direction(id_direction)));
        let prefix = self.prefix;
        let prefix = prefix.map(|prefix| format!("{prefix} {}", sql_direction(id_direction)));
        let columns: Vec<String> = prefix.into_iter().chain(key).chain(ids).collect();
        columns.join(", ")
    }

    /// Pushes the condition that bounds a range.
    pub(super) fn push_range(&self, sql: &mut Builder, range: &KeyRange) {
        let expression = self.key.map_or("", |(expression, _)| expression);
        match range {
            KeyRange::SameKey(SortKey::Name(name), after) => {
                self.push_same_name(sql, name, after.as_deref());
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
                self.push_after_ids(sql, after.as_deref(), after_operator(self.ties));
            }
            KeyRange::AfterKey(None) if self.nullable => {
                sql.push(" AND ").push(expression).push(" IS NOT NULL");
            }
            KeyRange::AfterKey(None) => {}
            KeyRange::AfterKey(Some(key)) => {
                sql.push(" AND ").push(expression);
                sql.push(after_operator(self.direction));
                push_key(sql, key);
            }
            KeyRange::AfterIds(after) => {
                self.push_after_ids(sql, after.as_deref(), after_operator(self.direction));
            }
        }
    }

    /// The rows of one name lie between its first and its last possible id.
    fn push_same_name(&self, sql: &mut Builder, name: &str, after: Option<&[Uuid]>) {
        let (least, greatest) = (Uuid::nil(), Uuid::max());
        let (first, from, last, up_to) = match self.ties {
            Direction::Ascending => (least, " >= ", greatest, " <= "),
            Direction::Descending => (greatest, " <= ", least, " >= "),
        };
        let all = |id| vec![id; self.ids.len()];
        match after {
            Some(after) => self.push_name_bound(sql, after_operator(self.ties), name, after),
            None => self.push_name_bound(sql, from, name, &all(first)),
        }
        self.push_name_bound(sql, up_to, name, &all(last));
    }

    /// Compares rows `(name, ids)`, which only an index with the name before the ids supports. If the name were equal to
    /// a constant, PostgreSQL might choose an index of the ids alone, and read the rows of every name.
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

    /// The values are subqueries, which hides them from the planner, like the time in [`push_range`](Self::push_range).
    /// With old statistics it might estimate that few ids follow, and read all of them to find the few of one time.
    fn push_after_ids(&self, sql: &mut Builder, after: Option<&[Uuid]>, operator: &str) {
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

/// The operator of what follows in a direction.
const fn after_operator(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => " > ",
        Direction::Descending => " < ",
    }
}

const fn sql_direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "ASC",
        Direction::Descending => "DESC",
    }
}
