//! The display name of a flow or a run.

use std::fmt;

use thiserror::Error;

/// The text is not a valid display name.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error(
    "a display name has 1 to 256 characters after trimming, none of them a control character, and at least one of them visible"
)]
pub struct InvalidDisplayName;

/// 1 to 256 code points without surrounding white space, none of them a control character (Cc), and at least one of them
/// visible.
///
/// ```
/// use flowruns_domain::display_name::DisplayName;
///
/// assert_eq!(DisplayName::new("  Nightly rosters ")?.as_str(), "Nightly rosters");
/// assert!(DisplayName::new(" \n ").is_err());
/// assert!(DisplayName::new("\u{200b}\u{3164}").is_err());
/// # Ok::<(), flowruns_domain::display_name::InvalidDisplayName>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DisplayName(String);

impl DisplayName {
    /// The maximum length, in code points.
    pub const MAX_CHARS: usize = 256;

    /// Trims a name and checks it.
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`] when the trimmed name is empty, too long, contains a control character, or has no visible
    /// character.
    pub fn new(text: &str) -> Result<Self, InvalidDisplayName> {
        let name = Self::from_stored(text)?;
        match name.0.chars().any(is_visible) {
            true => Ok(name),
            false => Err(InvalidDisplayName),
        }
    }

    /// A name that was stored. Unlike [`new`](Self::new) it accepts a name without a visible character, as earlier versions did.
    ///
    /// # Errors
    ///
    /// [`InvalidDisplayName`] when the trimmed name is empty, too long or contains a control character.
    pub fn from_stored(text: &str) -> Result<Self, InvalidDisplayName> {
        let trimmed = text.trim();
        // The characters of most names are ASCII, and so their bytes.
        let (length, has_controls) = match trimmed.is_ascii() {
            true => (trimmed.len(), trimmed.bytes().any(|byte| byte.is_ascii_control())),
            false => (trimmed.chars().count(), trimmed.chars().any(char::is_control)),
        };
        if (1..=Self::MAX_CHARS).contains(&length) && !has_controls {
            Ok(Self(trimmed.to_owned()))
        } else {
            Err(InvalidDisplayName)
        }
    }

    /// The trimmed name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DisplayName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Code points that are displayed as blank: separators (Zs, Zl, Zp), format characters (Cf), Default_Ignorable_Code_Point,
/// and letters and symbols without a glyph. From Unicode 16.
const INVISIBLE: [(char, char); 33] = [
    (' ', ' '),
    ('\u{A0}', '\u{A0}'),
    ('\u{AD}', '\u{AD}'),
    ('\u{34F}', '\u{34F}'),
    ('\u{600}', '\u{605}'),
    ('\u{61C}', '\u{61C}'),
    ('\u{6DD}', '\u{6DD}'),
    ('\u{70F}', '\u{70F}'),
    ('\u{890}', '\u{891}'),
    ('\u{8E2}', '\u{8E2}'),
    // Hangul fillers.
    ('\u{115F}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17B4}', '\u{17B5}'),
    ('\u{180B}', '\u{180F}'),
    ('\u{2000}', '\u{200F}'),
    ('\u{2028}', '\u{202F}'),
    ('\u{205F}', '\u{206F}'),
    // The Braille pattern without dots.
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    // Hangul filler.
    ('\u{3164}', '\u{3164}'),
    ('\u{FE00}', '\u{FE0F}'),
    ('\u{FEFF}', '\u{FEFF}'),
    // Half-width Hangul filler.
    ('\u{FFA0}', '\u{FFA0}'),
    ('\u{FFF0}', '\u{FFFB}'),
    ('\u{110BD}', '\u{110BD}'),
    ('\u{110CD}', '\u{110CD}'),
    ('\u{13430}', '\u{1343F}'),
    // Egyptian full and half blank.
    ('\u{13441}', '\u{13442}'),
    // Khitan small script filler.
    ('\u{16FE4}', '\u{16FE4}'),
    ('\u{1BCA0}', '\u{1BCA3}'),
    // Musical symbol null notehead.
    ('\u{1D159}', '\u{1D159}'),
    ('\u{1D173}', '\u{1D17A}'),
    ('\u{E0000}', '\u{E0FFF}'),
];

fn is_visible(character: char) -> bool {
    character.is_ascii_graphic()
        || !INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_is_counted_in_code_points_after_trimming() {
        let longest = "\u{1F600}".repeat(256);
        assert_eq!(DisplayName::new(&format!("\u{3000}{longest}\t")).unwrap().as_str(), longest);
        assert_eq!(DisplayName::new(&format!("{longest}x")), Err(InvalidDisplayName));
    }

    #[test]
    fn a_control_character_is_rejected() {
        for text in ["a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", ""] {
            assert_eq!(DisplayName::new(text), Err(InvalidDisplayName), "{text:?}");
        }
    }

    #[test]
    fn a_name_without_a_visible_character_is_rejected() {
        for blank in [
            '\u{2800}',
            '\u{3164}',
            '\u{115f}',
            '\u{1160}',
            '\u{ffa0}',
            '\u{200b}',
            '\u{feff}',
            '\u{ad}',
            '\u{202e}',
            '\u{e0041}',
            '\u{fe0f}',
            '\u{34f}',
            '\u{17b4}',
            '\u{2066}',
            '\u{180e}',
        ] {
            for text in [
                blank.to_string(),
                format!("{blank}\u{a0}{blank}"),
                format!("{blank}\u{2028}\u{2003}{blank}"),
            ] {
                assert_eq!(DisplayName::new(&text), Err(InvalidDisplayName), "{text:?}");
                assert!(DisplayName::from_stored(&text).is_ok(), "{text:?}");
            }
            let text = format!("{blank}x{blank}");
            assert_eq!(DisplayName::new(&text).unwrap().as_str(), text);
        }
        for text in ["\u{e9}", "\u{1f600}", "\u{5d0}", "\u{301}", "\u{e000}", "."] {
            assert!(DisplayName::new(text).is_ok(), "{text:?}");
        }
    }
}
