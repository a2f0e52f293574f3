//! Messages for filters of other services and older versions of OData: what to send instead.

use flowruns_domain::{property, text::excerpt, timestamp::Timestamp};

const EXAMPLE_TIME: &str = "2026-03-01T08:30:00Z";
const FUNCTIONS: &str = "startswith, endswith and contains";

/// Types that OData 2 and 3 write before a literal in quotes.
const LITERAL_TYPES: [&str; 8] =
    ["datetimeoffset", "datetime", "date", "time", "guid", "duration", "binary", "x"];

/// The message for a function that is not known.
pub(super) fn function(name: &str) -> String {
    let instead = match name.to_ascii_lowercase().as_str() {
        "tolower" | "toupper" => {
            "names compare by code points, so send the name as it is stored, such as displayName eq 'Nightly'".to_owned()
        }
        "substringof" => "use contains(displayName,'part'), with the property first".to_owned(),
        "length" | "indexof" | "substring" | "concat" | "trim" | "replace" | "matchespattern" => {
            "use startswith(displayName,'a'), endswith or contains".to_owned()
        }
        "year" | "month" | "day" | "hour" | "minute" | "second" | "date" | "time"
        | "fractionalseconds" | "totaloffsetminutes" | "totalseconds" => format!(
            "use a range, such as startDateTime ge {EXAMPLE_TIME} and startDateTime lt 2026-03-02T00:00:00Z"
        ),
        "now" | "mindatetime" | "maxdatetime" => {
            format!("send the time itself, such as startDateTime ge {EXAMPLE_TIME}")
        }
        "cast" | "isof" => "compare the property itself with eq, ne, gt, ge, lt or le".to_owned(),
        _ => format!("the functions are {FUNCTIONS}, of displayName"),
    };
    format!("the function {} is not known here; {instead}", excerpt(name))
}

/// The message for a literal in quotes with a type before it, as OData 2 and 3 have it; `None` for any other word.
pub(super) fn typed_literal(type_name: &str, text: &str) -> Option<String> {
    let mut types = LITERAL_TYPES.into_iter();
    let known = types.find(|known| known.eq_ignore_ascii_case(type_name))?;
    Some(match known {
        "datetimeoffset" | "datetime" | "date" | "time" => {
            let example = || format!("such as {EXAMPLE_TIME}");
            let time = corrected_time(text).unwrap_or_else(example);
            format!(
                "{type_name}'…' is a literal of OData 2; send the time without its type and quotes, with an offset: {time}"
            )
        }
        "guid" => {
            format!(
                "{type_name}'…' is a literal of OData 2; send the id as a string: '{}'",
                excerpt(text)
            )
        }
        _ => format!(
            "{type_name}'…' is no literal here; send a string in single quotes, a time such as {EXAMPLE_TIME}, or null"
        ),
    })
}

/// The message for a number: no property is a number.
pub(super) fn number(text: &str) -> String {
    format!(
        "{} is a number, and no property here is one; send a string in single quotes, a time such as {EXAMPLE_TIME}, or null",
        excerpt(text)
    )
}

/// The message for a time in quotes.
pub(super) fn quoted_time(property: &str, text: &str) -> String {
    let sent = excerpt(text);
    if text.eq_ignore_ascii_case("null") {
        return format!("null is sent without quotes: send {property} eq null or ne null");
    }
    match corrected_time(text) {
        Some(time) => format!(
            "{property} is compared with a time without quotes, with an offset: send {time} instead of '{sent}'"
        ),
        None => format!(
            "{property} is compared with a time, and '{sent}' is none; a time is such as {EXAMPLE_TIME}, without quotes"
        ),
    }
}

/// The time that a text probably means: in UTC if it has no offset, at midnight if it is a date. A space may replace
/// the T, or for the + of an offset.
fn corrected_time(text: &str) -> Option<String> {
    const DATE_BYTES: usize = 10;
    let text = text.trim();
    let (date, clock) = text.split_at_checked(DATE_BYTES)?;
    let clock = match clock.strip_prefix(' ') {
        Some(clock) => format!("T{clock}"),
        None => clock.to_owned(),
    };
    let clock = clock.trim_end().replace(' ', "+");
    let candidates = ["", "Z", "T00:00:00Z"];
    let mut times = candidates.iter().map(|end| format!("{date}{clock}{end}"));
    let time = times.find_map(|time| time.parse::<Timestamp>().ok());
    time.map(|time| time.to_string())
}

/// The message for a word where a value is expected.
pub(super) fn word(property: &str, word: &str) -> String {
    let shown = excerpt(word);
    if is_no_finite_number(word) {
        return number(word);
    }
    let times = [property::START_DATE_TIME, property::END_DATE_TIME];
    match times.iter().find(|time| time.eq_ignore_ascii_case(property)) {
        Some(time) => format!(
            "{time} is compared with a time such as {EXAMPLE_TIME}, or with null, and {shown} is neither"
        ),
        None => format!("compare a property with a value; a string such as '{shown}' is quoted"),
    }
}

/// Whether a word is a number that is not finite.
pub(super) fn is_no_finite_number(word: &str) -> bool {
    let words = ["NaN", "INF", "Infinity"];
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The message for text that begins no token.
pub(super) fn unreadable(text: &str) -> String {
    let Some(first) = text.chars().next() else {
        return "the filter ends early".to_owned();
    };
    match first {
        '\'' => "this string has no closing quote; a quote inside is doubled".to_owned(),
        '"' | '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' => {
            format!("{first} is no quote here; a string is in single quotes: 'text'")
        }
        '=' | '!' | '<' | '>' | '&' | '|' => {
            format!("{first:?} is no operator here; send eq, ne, gt, ge, lt or le, and, or, not")
        }
        '/' => {
            "paths and lambda expressions are not known here; compare a property of the row itself"
                .to_owned()
        }
        _ if first.is_ascii_digit() => time(text),
        '-' | '+' if is_no_finite_number(leading_word(&text[1..])) => {
            number(&text[..=leading_word(&text[1..]).len()])
        }
        _ => format!("{first:?} is not known here; a string is in single quotes"),
    }
}

fn leading_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    &text[..end.unwrap_or(text.len())]
}

/// The message for a text that begins with a digit and is not a time.
fn time(text: &str) -> String {
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | ':' | '.');
    let end = text.find(|c| !part(c)).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let word = &*excerpt(whole);
    let is_date = word.len() >= 10
        && word.bytes().take(10).enumerate().all(|(index, byte)| {
            matches!((index, byte), (4 | 7, b'-'))
                || (!matches!(index, 4 | 7) && byte.is_ascii_digit())
        });
    if is_date && word.len() == 10 {
        return format!("{word} is a date; send a time with an offset: {word}T00:00:00Z");
    }
    let clock = word.get(11..).unwrap_or_default();
    if is_date
        && !clock.contains(['Z', 'z', '+', '-'])
        && format!("{word}Z").parse::<Timestamp>().is_ok()
    {
        let is_lost_plus = rest.strip_prefix(' ').is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_digit()) && rest.get(2..3) == Some(":")
        });
        return match is_lost_plus {
            true => format!(
                "the + of an offset is a space in a URL; send {word}%2B01:00, or UTC: {word}Z"
            ),
            false => format!(
                "the time {word} has no offset; send {word}Z for UTC, or an offset such as {word}-05:00"
            ),
        };
    }
    format!(
        "{word} cannot be read; a time is such as {EXAMPLE_TIME}, and a string or an id is in single quotes"
    )
}

/// The message for an id without quotes.
pub(super) fn unquoted_id(id: &str) -> String {
    format!("an id is a string: send '{id}', in single quotes")
}
