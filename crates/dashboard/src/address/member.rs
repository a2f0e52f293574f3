//! Members of statistics in addresses: `records/read`.

use std::fmt;

use flowruns_domain::text::excerpt;

/// The name of a member of statistics: the names from the outermost object to it, with `/` between them. Within a name `~0`
/// is `~`, `~1` is `/` as in a JSON pointer (RFC 6901), and `~2` is `,`, which separates the members of a list.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(crate) struct MemberName(Vec<String>);

impl MemberName {
    /// The most levels, as many as statistics have.
    const MAX_LEVELS: usize = 16;
    /// The longest name in an address, in bytes.
    const MAX_BYTES: usize = 512;

    /// The member below objects with these names.
    pub(crate) const fn new(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names, the outermost first.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    /// The name as people read it.
    pub(crate) fn shown(&self) -> String {
        self.0.join("/")
    }

    fn from_text(text: &str) -> Result<Self, String> {
        let names: Option<Vec<String>> = text.split('/').map(unescaped).collect();
        let fits = |names: &Vec<String>| {
            names.len() <= Self::MAX_LEVELS && text.len() <= Self::MAX_BYTES
        };
        let names = names.filter(fits);
        names.map(Self).ok_or_else(|| {
            let text = excerpt(text);
            format!("{text} is not a member of statistics, such as records/read.")
        })
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("/")?;
            }
            f.write_str(&name.replace('~', "~0").replace('/', "~1").replace(',', "~2"))?;
        }
        Ok(())
    }
}

fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let mut characters = part.chars();
        text.push(match characters.next()? {
            '0' => '~',
            '1' => '/',
            '2' => ',',
            _ => return None,
        });
        text.push_str(characters.as_str());
    }
    Some(text)
}

/// Up to three different members of statistics, in the order in which they were chosen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Members(Vec<MemberName>);

impl Members {
    /// The most members.
    pub(crate) const MAX: usize = 3;

    /// The first three different ones of these.
    pub(crate) fn of(names: impl IntoIterator<Item = MemberName>) -> Self {
        let mut members = Self::default();
        for name in names {
            if members.0.len() < Self::MAX && !members.0.contains(&name) {
                members.0.push(name);
            }
        }
        members
    }

    /// Reads a list such as `records/read,records/written`.
    pub(crate) fn from_text(text: &str) -> Result<Self, String> {
        let names: Vec<MemberName> =
            text.split(',').map(MemberName::from_text).collect::<Result<_, _>>()?;
        let sent = names.len();
        let members = Self::of(names);
        match members.0.len() == sent {
            true => Ok(members),
            false => Err(format!("It names at most {} different members.", Self::MAX)),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn names(&self) -> &[MemberName] {
        &self.0
    }

    /// The list without this member if it is one of at least two, else with it; the first one leaves a full list.
    pub(crate) fn toggled(&self, name: &MemberName) -> Self {
        if self.0.contains(name) {
            return Self(self.0.iter().filter(|one| *one != name).cloned().collect());
        }
        let first = (self.0.len() + 1).saturating_sub(Self::MAX);
        Self(self.0.iter().skip(first).chain([name]).cloned().collect())
    }
}

impl fmt::Display for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            name.fmt(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_separators_are_escaped() {
        let name = MemberName::new(vec!["a/b".to_owned(), "c,d~".to_owned()]);
        let members = Members::of([name, MemberName::new(vec!["rows".to_owned()])]);
        assert_eq!(members.to_string(), "a~1b/c~2d~0,rows");
        assert_eq!(Members::from_text("a~1b/c~2d~0,rows"), Ok(members));
    }

    #[test]
    fn a_fourth_member_takes_the_place_of_the_first() {
        let named = |name: &str| MemberName::new(vec![name.to_owned()]);
        let three = Members::of(["a", "b", "c"].map(named));
        assert_eq!(three.toggled(&named("d")).to_string(), "b,c,d");
        assert_eq!(three.toggled(&named("b")).to_string(), "a,c");
        assert_eq!(Members::default().toggled(&named("a")).to_string(), "a");
    }

    #[test]
    fn a_list_with_too_many_or_repeated_members_is_rejected() {
        for text in ["a,b,c,d", "a,a", "~", "a~3"] {
            assert!(Members::from_text(text).is_err(), "{text}");
        }
    }
}
