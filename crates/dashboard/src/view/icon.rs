//! Icons. The one file whose markup is written by hand: it is constant.

use maud::{Markup, PreEscaped, html};

/// A picture of 16 by 16 units, in the colour of its class.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Icon {
    Completed,
    Warning,
    Error,
    Failed,
    Running,
    Late,
    Stale,
}

impl Icon {
    const fn shapes(self) -> &'static str {
        match self {
            Self::Completed => {
                r#"<circle cx="8" cy="8" r="7" fill="currentColor"/><path class="cut" d="M4.6 8.3l2.3 2.3 4.5-4.9"/>"#
            }
            Self::Warning => {
                r#"<path d="M8 1.2c.5 0 .9.3 1.2.7l5.9 10.7c.5 1-.2 2.2-1.3 2.2H2.2c-1.1 0-1.8-1.2-1.3-2.2L6.8 1.9c.3-.4.7-.7 1.2-.7z" fill="currentColor"/><path class="cut dark" d="M8 5.6v4m0 2.5v.1"/>"#
            }
            Self::Error => {
                r#"<path d="M8 .6l7.4 7.4L8 15.4.6 8z" fill="currentColor"/><path class="cut" d="M8 4.3v4.4m0 2.5v.1"/>"#
            }
            Self::Failed => {
                r#"<path d="M4.9.8h6.2l4.1 4.1v6.2l-4.1 4.1H4.9L.8 11.1V4.9z" fill="currentColor"/><path class="cut" d="M5.3 5.3l5.4 5.4m0-5.4l-5.4 5.4"/>"#
            }
            Self::Running => {
                r#"<circle cx="8" cy="8" r="6.2" class="ring faint"/><path class="ring spin" d="M8 1.8a6.2 6.2 0 0 1 6.2 6.2"/><circle cx="8" cy="8" r="2.3" fill="currentColor"/>"#
            }
            Self::Late => {
                r#"<circle cx="8" cy="8" r="6.5" class="ring"/><path class="ring" d="M8 4.3V8l2.6 1.7"/>"#
            }
            Self::Stale => {
                r#"<path class="ring" d="M4 1.5h8m-8 13h8m-7-13c0 4 6 4 6 6.5s-6 2.5-6 6.5m6-13c0 4-6 4-6 6.5s6 2.5 6 6.5"/>"#
            }
        }
    }

    /// The class of its colour.
    const fn class(self) -> &'static str {
        match self {
            Self::Completed => "icon c-ok",
            Self::Warning => "icon c-warn",
            Self::Error | Self::Late | Self::Stale => "icon c-err",
            Self::Failed => "icon c-fail",
            Self::Running => "icon c-run",
        }
    }
}

/// An icon. A reader does not hear it: a word stands beside it.
pub(crate) fn icon(icon: Icon) -> Markup {
    html! {
        svg class=(icon.class()) viewBox="0 0 16 16" aria-hidden="true" { (PreEscaped(icon.shapes())) }
    }
}

/// The sign of the product: three runs that ended, and one in progress.
pub(crate) fn logo() -> Markup {
    const SHAPES: &str = r#"<rect x="1" y="11" width="4" height="10" rx="1" class="f-ok"/><rect x="7" y="7" width="4" height="14" rx="1" class="f-ok"/><rect x="13" y="1" width="4" height="20" rx="1" class="f-fail"/><rect x="19" y="11" width="3" height="10" rx="1" class="s-run"/>"#;
    html! {
        svg.logo viewBox="0 0 23 22" aria-hidden="true" { (PreEscaped(SHAPES)) }
    }
}
