//! How a page is looked at: sizes, themes, and the preferences of a reader.

use std::fmt;

use serde_json::{Value, json};

use crate::webdriver::Session;

/// The widths at which every page is looked at: a large screen, a laptop, a tablet, a phone.
pub(crate) const WIDTHS: [u32; 4] = [1920, 1280, 900, 390];
const HEIGHT: u32 = 900;

/// A colour scheme that the reader prefers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 2] = [Self::Light, Self::Dark];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }
}

/// A size and a theme.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) theme: Theme,
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} px, {}", self.width, self.theme.name())
    }
}

impl Look {
    /// All widths in both themes.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        WIDTHS.into_iter().flat_map(|width| Theme::ALL.map(|theme| Self { width, theme }))
    }

    /// Shows pages like this from now on.
    pub(crate) async fn apply(self, session: &Session) {
        let scheme = json!({"name": "prefers-color-scheme", "value": self.theme.name()});
        emulate(session, "screen", &[scheme]).await;
        resize(session, self.width, HEIGHT).await;
    }
}

/// The size of the visible part of the page.
pub(crate) async fn resize(session: &Session, width: u32, height: u32) {
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    session.devtools("Emulation.setDeviceMetricsOverride", size).await;
    // As on a phone, and in pictures.
    session.devtools("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
}

/// Shows pages for this medium (`screen` or `print`), and with these preferences of the reader.
pub(crate) async fn emulate(session: &Session, medium: &str, features: &[Value]) {
    let media = json!({"media": medium, "features": features});
    session.devtools("Emulation.setEmulatedMedia", media).await;
}
