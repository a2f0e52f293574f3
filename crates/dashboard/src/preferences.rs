//! What a person prefers: the theme and the zone of times. Cookies hold it, so that the server sends the page as preferred.

use axum::http::{HeaderMap, HeaderValue, header};

const THEME: &str = "flowruns-theme";
const ZONE: &str = "flowruns-zone";
/// How long a browser keeps a preference, in seconds: one year.
const MAX_AGE: u32 = 365 * 24 * 60 * 60;

/// The colours of the pages.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Theme {
    /// As the system of the person has it.
    #[default]
    Auto,
    Light,
    Dark,
}

/// The zone in which times are shown. The server writes UTC; a script writes the zone of the browser.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Zone {
    #[default]
    Utc,
    Local,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Auto => "Auto",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }
}

impl Zone {
    pub(crate) const ALL: [Self; 2] = [Self::Utc, Self::Local];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Utc => "utc",
            Self::Local => "local",
        }
    }

    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Utc => "UTC",
            Self::Local => "Local",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|zone| zone.name() == name)
    }
}

/// What a person prefers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Preferences {
    pub(crate) theme: Theme,
    pub(crate) zone: Zone,
}

impl Preferences {
    /// The preferences of a request; an unknown value is the default.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        Self {
            theme: cookie(headers, THEME).and_then(Theme::from_name).unwrap_or_default(),
            zone: cookie(headers, ZONE).and_then(Zone::from_name).unwrap_or_default(),
        }
    }
}

/// The value of a cookie; of several, the first one.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim())
}

/// The value of Set-Cookie that keeps a theme for the pages below a path.
pub(crate) fn keep_theme(theme: Theme, path: &str) -> Option<HeaderValue> {
    keep(THEME, theme.name(), path)
}

/// The value of Set-Cookie that keeps a zone for the pages below a path.
pub(crate) fn keep_zone(zone: Zone, path: &str) -> Option<HeaderValue> {
    keep(ZONE, zone.name(), path)
}

fn keep(name: &str, value: &str, path: &str) -> Option<HeaderValue> {
    let cookie = format!("{name}={value}; Path={path}; Max-Age={MAX_AGE}; SameSite=Lax; HttpOnly");
    HeaderValue::from_str(&cookie).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(cookies: &[&'static str]) -> Preferences {
        let values = cookies.iter().map(|cookie| HeaderValue::from_static(cookie));
        Preferences::from_headers(&values.map(|value| (header::COOKIE, value)).collect())
    }

    #[test]
    fn preferences_are_read_from_any_cookie_header() {
        let expected = Preferences { theme: Theme::Dark, zone: Zone::Local };
        assert_eq!(preferences(&["a=b; flowruns-theme=dark; flowruns-zone=local"]), expected);
        assert_eq!(preferences(&["flowruns-zone=local", "flowruns-theme=dark"]), expected);
    }

    #[test]
    fn an_unknown_value_is_the_default() {
        for cookies in ["", "flowruns-theme", "flowruns-theme=\"dark\"", "xflowruns-theme=dark"] {
            assert_eq!(preferences(&[cookies]), Preferences::default(), "{cookies}");
        }
    }
}
