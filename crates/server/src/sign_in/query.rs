//! The parameters of a request for one of the addresses of the sign-in.

use std::{borrow::Cow, collections::BTreeMap};

/// Names and values. A name that is sent twice has no value: two readers could use different ones.
pub(super) struct Parameters<'a>(BTreeMap<Cow<'a, str>, Option<Cow<'a, str>>>);

impl<'a> Parameters<'a> {
    /// The parameters of a query or a form.
    pub(super) fn of(text: &'a [u8]) -> Self {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            let value = (!parameters.contains_key(&name)).then_some(value);
            parameters.insert(name, value);
        }
        Self(parameters)
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_sent_twice_has_no_value() {
        let parameters = Parameters::of(b"code=a&state=b%20c&code=d&code=e&empty=&flag");
        let all = ["code", "state", "empty", "flag", "none"].map(|name| parameters.get(name));
        assert_eq!(all, [None, Some("b c"), Some(""), Some(""), None]);
    }
}
