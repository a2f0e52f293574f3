//! The name that a person gives to a flow or a run.

use std::fmt;

use thiserror::Error;

/// A text that is no display name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("a display name has 1 to 256 characters after trimming, none of them a control character")]
pub struct InvalidDisplayName;

/// 1 to 256 code points without surrounding white space, none of them a control character (Cc).
///
/// ```
/// use flowruns_domain::DisplayName;
///
/// assert_eq!(DisplayName::new("  Nightly rosters ")?.as_str(), "Nightly rosters");
/// assert!(DisplayName::new(" \n ").is_err());
/// # Ok::<(), flowruns_domain::InvalidDisplayName>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DisplayName(String);

impl DisplayName {
    /// The longest name, in code points.
    pub const MAX_CHARS: usize = 256;

    /// Trims and checks a name.
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`] when nothing is left, when it is too long, or when it holds a control character.
    pub fn new(text: &str) -> Result<Self, InvalidDisplayName> {
        let trimmed = text.trim();
        let length_fits = (1..=Self::MAX_CHARS).contains(&trimmed.chars().count());
        if length_fits && !trimmed.chars().any(char::is_control) {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidDisplayName)
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_counted_in_code_points_after_trimming() {
        let longest = "\u{1F600}".repeat(256);
        assert_eq!(
            DisplayName::new(&format!("\u{3000}{longest}\t"))
                .unwrap()
                .as_str(),
            longest
        );
        assert_eq!(
            DisplayName::new(&format!("{longest}x")),
            Err(InvalidDisplayName)
        );
    }

    #[test]
    fn a_control_character_inside_is_refused() {
        for text in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", ""] {
            assert_eq!(DisplayName::new(text), Err(InvalidDisplayName), "{text:?}");
        }
    }
}
