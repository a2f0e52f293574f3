//! Reads the parameters of an address, and finds what is wrong with them.

use std::borrow::Cow;

use flowruns_domain::text::excerpt;
use percent_encoding::percent_decode_str;

use super::query::Query;

/// The longest query that is read, in bytes.
const MAX_QUERY_BYTES: usize = 4096;
/// How many faults are reported: each takes far more bytes in the response than a short parameter does in the request.
const MAX_FAULTS: usize = 20;

/// A parameter that is not understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Fault {
    /// The name and value, cut if they are long.
    pub(crate) sent: String,
    /// What is wrong, and what is known instead.
    pub(crate) message: String,
}

/// An address with parameters that are not understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BadAddress {
    pub(crate) faults: Vec<Fault>,
    /// The same address without them, below the prefix.
    pub(crate) without: Query,
}

/// The parameters of an address. Each is taken once, and [`finish`](Self::finish) reports what is left. An empty parameter is
/// absent: a form sends it when nothing was entered.
///
/// ```text
/// let mut parameters = Parameters::of(query);
/// let size = parameters.take("size", |text| text.parse().map_err(|_| "is not a number".to_owned()));
/// parameters.finish("/ui")?;
/// ```
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    sent: Vec<Sent>,
    faults: Vec<Fault>,
    taken: Vec<Sent>,
    known: Vec<&'static str>,
}

#[derive(Clone, Debug)]
struct Sent {
    name: String,
    value: String,
}

/// A text that is compared with stored ones, none of which contains U+0000.
pub(crate) fn stored_text(text: &str) -> Result<&str, String> {
    match text.contains('\0') {
        true => Err("It contains U+0000, which no text has.".to_owned()),
        false => Ok(text),
    }
}

impl Parameters {
    /// The parameters of the query of an address.
    pub(crate) fn of(query: Option<&str>) -> Self {
        let query = query.unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            let message = format!("The parameters are longer than {MAX_QUERY_BYTES} bytes.");
            let fault = Fault { sent: excerpt(query).into_owned(), message };
            return Self { faults: vec![fault], ..Self::default() };
        }
        Self::of_text(query)
    }

    /// The fields of a form. Its length was limited when it was read.
    pub(crate) fn of_form(body: &[u8]) -> Self {
        Self::of_text(&String::from_utf8_lossy(body))
    }

    fn of_text(query: &str) -> Self {
        let mut parameters = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match (decoded(name), decoded(value)) {
                (Some(name), Some(value)) => parameters.sent.push(Sent { name, value }),
                _ => parameters.faults.push(Fault {
                    sent: excerpt(pair).into_owned(),
                    message: "It is not UTF-8 after decoding.".to_owned(),
                }),
            }
        }
        parameters
    }

    /// Takes all values of a field that a form sends once for each choice, at most `limit` of them.
    pub(crate) fn take_all<T>(
        &mut self,
        name: &'static str,
        limit: usize,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        self.known.push(name);
        let found: Vec<_> = self.sent.extract_if(.., |sent| sent.name == name).collect();
        if let Some(one) = found.get(limit) {
            self.faults.push(one.fault(format!("It is sent more than {limit} times.")));
            return Vec::new();
        }
        let mut values = Vec::with_capacity(found.len());
        for sent in found {
            match parse(&sent.value) {
                Ok(value) => values.push(value),
                Err(message) => self.faults.push(sent.fault(message)),
            }
        }
        values
    }

    /// Takes a parameter. `parse` gives its value, or what is wrong with it as a sentence.
    pub(crate) fn take<T>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.known.push(name);
        let is_named = |sent: &mut Sent| sent.name == name;
        let mut found = self.sent.extract_if(.., is_named).filter(|sent| !sent.value.is_empty());
        let first = found.next()?;
        let others: Vec<_> = found.collect();
        if !others.is_empty() {
            let message = "It is sent more than once.".to_owned();
            self.faults.extend(others.iter().map(|sent| sent.fault(message.clone())));
        }
        match parse(&first.value) {
            Ok(value) => {
                self.taken.push(first);
                Some(value)
            }
            Err(message) => {
                self.faults.push(first.fault(message));
                None
            }
        }
    }

    /// Checks that every parameter was taken and understood. `path` is that of the page, below the prefix.
    ///
    /// # Errors
    ///
    /// The parameters that are not understood.
    pub(crate) fn finish(self, path: &str) -> Result<(), BadAddress> {
        let Self { sent, mut faults, taken, known } = self;
        let message = match known.as_slice() {
            [] => "This page has no parameters.".to_owned(),
            known => format!("Known parameters: {}.", known.join(", ")),
        };
        let unknown = sent.iter().map(|sent| sent.fault(message.clone()));
        faults.extend(unknown.take(MAX_FAULTS));
        faults.truncate(MAX_FAULTS);
        if faults.is_empty() {
            return Ok(());
        }
        let without = taken
            .into_iter()
            .fold(Query::new(path), |query, Sent { name, value }| query.with(&name, Some(value)));
        Err(BadAddress { faults, without })
    }
}

impl Sent {
    fn fault(&self, message: String) -> Fault {
        let sent = format!("{}={}", self.name, self.value);
        Fault { sent: excerpt(&sent).into_owned(), message }
    }
}

fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_decode_str(&text).decode_utf8().ok().map(Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Result<u8, String> {
        text.parse().map_err(|_| "It is not a number.".to_owned())
    }

    #[test]
    fn what_is_not_understood_is_named_and_the_rest_is_kept() {
        let mut parameters = Parameters::of(Some("a=1&b=x&c=&d=2&a=3&%ff=1"));
        assert_eq!(parameters.take("a", number), Some(1));
        assert_eq!(parameters.take("b", number), None);
        let bad = parameters.finish("/ui").unwrap_err();
        let sent: Vec<_> = bad.faults.iter().map(|fault| fault.sent.as_str()).collect();
        assert_eq!(sent, ["%ff=1", "a=3", "b=x", "c=", "d=2"]);
        assert_eq!(bad.faults[4].message, "Known parameters: a, b.");
        assert_eq!(bad.without.to_string(), "/ui?a=1");
    }

    #[test]
    fn an_empty_parameter_is_absent_and_a_plus_is_a_space() {
        let mut parameters = Parameters::of(Some("name=&q=a+b%2Bc"));
        assert_eq!(parameters.take("name", number), None);
        assert_eq!(parameters.take("q", |text| Ok(text.to_owned())).as_deref(), Some("a b+c"));
        assert_eq!(parameters.finish("/ui"), Ok(()));
    }

    #[test]
    fn the_number_of_reported_faults_is_bounded() {
        for query in ["a&".repeat(2_000), "%ff&".repeat(1_000), "b=x&".repeat(1_000)] {
            let mut parameters = Parameters::of(Some(&query));
            parameters.take("b", number);
            assert_eq!(parameters.finish("/ui").unwrap_err().faults.len(), MAX_FAULTS);
        }
    }

    #[test]
    fn a_long_query_is_not_read() {
        let long = format!("q={}", "a".repeat(MAX_QUERY_BYTES));
        let mut parameters = Parameters::of(Some(&long));
        assert_eq!(parameters.take("q", |text| Ok(text.to_owned())), None);
        assert!(parameters.finish("/ui").is_err());
    }
}
