//! Members of statistics, by their paths.

use std::{fmt, str::FromStr};

use thiserror::Error;

use crate::{
    dashboard::{bounds::distinct, recent::RecentRun},
    json::{
        number::Number,
        value::{JsonObject, JsonValue},
    },
    run::statistics::Statistics,
};

/// The text is not the path of a member.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "the path of a member is 1 to 16 names, separated by /, of at most 512 bytes in total and without U+0000; / in a name is \
     written ~1, and ~ is written ~0"
)]
pub struct InvalidMemberPath;

/// The path of a member of statistics: the names of objects within objects, from the outside in. It does not lead into arrays.
///
/// Its text has the names separated by `/`, escaped as in a JSON pointer (RFC 6901):
///
/// ```
/// use flowruns_domain::dashboard::MemberPath;
///
/// let path: MemberPath = "records/read~1write".parse()?;
/// assert_eq!(path.names(), ["records", "read/write"]);
/// assert_eq!(path.to_string(), "records/read~1write");
/// # Ok::<(), flowruns_domain::dashboard::InvalidMemberPath>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MemberPath(Vec<String>);

impl MemberPath {
    /// The greatest length of all names together, in bytes.
    pub const MAX_BYTES: usize = 512;

    /// A path of these names.
    ///
    /// # Errors
    ///
    /// [`InvalidMemberPath`] without a name, for more than 16 names, for more than [`MAX_BYTES`](Self::MAX_BYTES), or for U+0000.
    pub fn new(names: Vec<String>) -> Result<Self, InvalidMemberPath> {
        let has_names = (1..=Statistics::MAX_DEPTH).contains(&names.len());
        let bytes: usize = names.iter().map(String::len).sum();
        let is_storable = !names.iter().any(|name| name.contains('\0'));
        match has_names && bytes <= Self::MAX_BYTES && is_storable {
            true => Ok(Self(names)),
            false => Err(InvalidMemberPath),
        }
    }

    /// The names, from the outside in.
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The member of these statistics.
    pub fn find<'a>(&self, statistics: &'a JsonObject) -> Option<&'a JsonValue> {
        let (first, inner) = self.0.split_first()?;
        inner.iter().try_fold(statistics.get(first)?, |value, name| match value {
            JsonValue::Object(object) => object.get(name),
            _ => None,
        })
    }

    /// The number that the member of these statistics is.
    pub fn find_number(&self, statistics: &JsonObject) -> Option<Number> {
        match self.find(statistics) {
            Some(JsonValue::Number(number)) => Some(*number),
            _ => None,
        }
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(&name.replace('~', "~0").replace('/', "~1"))?;
        }
        Ok(())
    }
}

impl FromStr for MemberPath {
    type Err = InvalidMemberPath;

    fn from_str(text: &str) -> Result<Self, InvalidMemberPath> {
        let names = text.split('/').map(unescape).collect::<Option<Vec<_>>>();
        Self::new(names.ok_or(InvalidMemberPath)?)
    }
}

/// `None` if a `~` is not followed by 0 or 1.
fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('~');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.try_fold(first, |name, part| {
        let rest = part.get(1..)?;
        match part.as_bytes()[0] {
            b'0' => Some(name + "~" + rest),
            b'1' => Some(name + "/" + rest),
            _ => None,
        }
    })
}

/// Up to six paths, each once. Without a path, a [series](super::DashboardStore::member_series) has only the runs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct MemberPaths(Vec<MemberPath>);

impl MemberPaths {
    /// The greatest number of paths.
    pub const MAX: usize = 6;

    /// `None` for more than [`MAX`](Self::MAX) paths, and for a path that is listed twice.
    pub fn new(paths: impl IntoIterator<Item = MemberPath>) -> Option<Self> {
        distinct(paths, Self::MAX).map(Self)
    }

    /// The paths, in the order in which they were given.
    pub fn as_slice(&self) -> &[MemberPath] {
        &self.0
    }
}

/// A run, and numbers of its statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberValues {
    /// The run.
    pub run: RecentRun,
    /// The number at each path, in the order of the paths; `None` if there is no member, or if it is not a number.
    pub values: Vec<Option<Number>>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::parse_object;

    fn path(text: &str) -> MemberPath {
        text.parse().unwrap()
    }

    #[test]
    fn a_path_leads_through_objects_only() {
        let statistics =
            parse_object(br#"{"a":{"b":{"c":1},"":2,"0":3},"l":[4,{"x":5}],"t":"6","":7,"a/b":8}"#)
                .unwrap();
        let found = |text| path(text).find_number(&statistics).map(Number::to_f64);
        for (text, expected) in
            [("a/b/c", 1.0), ("a/", 2.0), ("a/0", 3.0), ("", 7.0), ("a~1b", 8.0)]
        {
            assert_eq!(found(text), Some(expected), "{text:?}");
        }
        for text in ["a", "a/b", "a/b/c/d", "l", "l/0", "l/1/x", "t", "A", "/a"] {
            assert_eq!(found(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_path_has_bounds() {
        let names = |count| vec!["n".to_owned(); count];
        assert!(MemberPath::new(names(16)).is_ok());
        for invalid in [names(0), names(17), vec!["x".repeat(513)], vec!["\0".to_owned()]] {
            assert_eq!(MemberPath::new(invalid), Err(InvalidMemberPath));
        }
        for text in ["~", "a~", "~2", "~\u{e9}", "a/~/b"] {
            assert_eq!(text.parse::<MemberPath>(), Err(InvalidMemberPath), "{text:?}");
        }
    }

    #[test]
    fn paths_are_at_most_six_and_distinct() {
        let paths = |count| (0..count).map(|n| path(&format!("n{n}"))).collect::<Vec<_>>();
        assert_eq!(MemberPaths::new(paths(6)).unwrap().as_slice(), paths(6));
        assert_eq!(MemberPaths::new(paths(7)), None);
        assert_eq!(MemberPaths::new([path("a"), path("a")]), None);
    }

    proptest! {
        #[test]
        fn the_text_of_a_path_is_read_as_the_same_path(
            names in prop::collection::vec("[a/~01\u{e9}\u{202e}'\"<]{0,6}", 1..=16)
        ) {
            let path = MemberPath::new(names).unwrap();
            prop_assert_eq!(path.to_string().parse(), Ok(path));
        }

        #[test]
        fn any_text_is_a_path_or_rejected(text in ".{0,40}") {
            if let Ok(path) = text.parse::<MemberPath>() {
                prop_assert_eq!(path.to_string(), text);
            }
        }
    }
}
