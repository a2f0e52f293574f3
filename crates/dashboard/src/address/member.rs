//! Members of statistics in addresses: `records/read,records/written`.

use std::fmt;

use flowruns_domain::{dashboard::MemberPath, text::excerpt};

/// Up to three different members of statistics, in the order in which they were chosen. The text has commas between them; a
/// comma within a path is written `~2`, as a path itself has `~0` and `~1`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Members(Vec<MemberPath>);

impl Members {
    /// The most members.
    pub(crate) const MAX: usize = 3;

    /// The first three different ones of these.
    pub(crate) fn of(paths: impl IntoIterator<Item = MemberPath>) -> Self {
        let mut members = Self::default();
        for path in paths {
            if members.0.len() < Self::MAX && !members.0.contains(&path) {
                members.0.push(path);
            }
        }
        members
    }

    /// Reads a list.
    pub(super) fn from_text(text: &str) -> Result<Self, String> {
        let path = |text: &str| {
            let parsed = text.replace("~2", ",").parse();
            let text = excerpt(text);
            parsed
                .map_err(|_| format!("{text} is not a member of statistics, such as records/read."))
        };
        let paths: Vec<MemberPath> = text.split(',').map(path).collect::<Result<_, _>>()?;
        let sent = paths.len();
        let members = Self::of(paths);
        match members.0.len() == sent {
            true => Ok(members),
            false => Err(format!("It names at most {} different members.", Self::MAX)),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn paths(&self) -> &[MemberPath] {
        &self.0
    }

    /// The list without this member if it is in it, else with it; the first one leaves a full list.
    pub(crate) fn toggled(&self, path: &MemberPath) -> Self {
        if self.0.contains(path) {
            return Self(self.0.iter().filter(|one| *one != path).cloned().collect());
        }
        let first = (self.0.len() + 1).saturating_sub(Self::MAX);
        Self(self.0.iter().skip(first).chain([path]).cloned().collect())
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.0.iter().map(|path| path.to_string().replace(',', "~2"));
        f.write_str(&paths.collect::<Vec<_>>().join(","))
    }
}

/// A path as people read it. A name without a visible character is in quotation marks.
pub(crate) fn shown(path: &MemberPath) -> String {
    let names = path.names().iter().map(|name| match name.trim().is_empty() {
        true => format!("{name:?}"),
        false => name.clone(),
    });
    names.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(names: &[&str]) -> MemberPath {
        MemberPath::new(names.iter().map(ToString::to_string).collect()).unwrap()
    }

    #[test]
    fn a_blank_name_can_be_seen() {
        for (names, expected) in [
            (vec!["records", "read"], "records/read"),
            (vec![""], "\"\""),
            (vec!["a", "\n"], "a/\"\\n\""),
        ] {
            assert_eq!(shown(&path(&names)), expected);
        }
    }

    #[test]
    fn names_with_separators_are_escaped() {
        let members = Members::of([path(&["a/b", "c,d~", "~2"]), path(&["rows"])]);
        assert_eq!(members.to_string(), "a~1b/c~2d~0/~02,rows");
        assert_eq!(Members::from_text("a~1b/c~2d~0/~02,rows"), Ok(members));
    }

    #[test]
    fn a_fourth_member_takes_the_place_of_the_first() {
        let three = Members::of(["a", "b", "c"].map(|name| path(&[name])));
        assert_eq!(three.toggled(&path(&["d"])).to_string(), "b,c,d");
        assert_eq!(three.toggled(&path(&["b"])).to_string(), "a,c");
        assert_eq!(Members::default().toggled(&path(&["a"])).to_string(), "a");
    }

    #[test]
    fn a_list_with_too_many_or_repeated_members_is_rejected() {
        for text in ["a,b,c,d", "a,a", "~", "a~3", "a\0"] {
            assert!(Members::from_text(text).is_err(), "{text}");
        }
    }
}
