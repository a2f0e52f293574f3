//! A browser as far as redirects and cookies go.

use std::collections::BTreeMap;

use flowruns_testing::harness::DEADLINE;
use reqwest::{
    Client, RequestBuilder, Url,
    header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE},
    redirect::Policy,
};

/// A chain of redirects that is longer is a loop.
const MAX_REDIRECTS: usize = 10;

/// Keeps the cookies of 127.0.0.1, whatever the port, as browsers do.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Page {
    /// Where the page redirects to; empty if it does not.
    pub(crate) fn location(&self) -> String {
        let Some(location) = self.headers.get(LOCATION) else {
            return String::new();
        };
        self.url.join(location.to_str().unwrap()).unwrap().into()
    }

    /// Path and query.
    pub(crate) fn address(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// The values of Set-Cookie.
    pub(crate) fn set_cookies(&self) -> Vec<&str> {
        let values = self.headers.get_all(SET_COOKIE).iter();
        values.map(|value| value.to_str().unwrap()).collect()
    }

    pub(crate) fn assert(&self, status: u16, words: &str) {
        assert_eq!(self.status, status, "{}: {}", self.url, self.text);
        assert!(self.text.contains(words), "{words:?} is not on {}: {}", self.url, self.text);
    }
}

impl Browser {
    pub(crate) fn new() -> Self {
        let http = Client::builder().timeout(DEADLINE).redirect(Policy::none());
        Self { http: http.build().unwrap(), cookies: BTreeMap::new() }
    }

    /// The name and the value of the cookie with a session, of which there is at most one.
    pub(crate) fn session(&self) -> Option<(&str, &str)> {
        let mut sessions =
            self.cookies.iter().filter(|(name, _)| name.starts_with("flowruns-session-"));
        let session = sessions.next();
        assert_eq!(sessions.next(), None, "several sessions");
        session.map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Opens a URL, without following a redirect.
    pub(crate) async fn get(&mut self, url: &str) -> Page {
        let request = self.http.get(url);
        self.send(request).await
    }

    pub(crate) fn request(&self, method: &str, url: &str) -> RequestBuilder {
        self.http.request(method.parse().unwrap(), url)
    }

    /// Sends a request with the cookies, and keeps those of the response.
    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Page {
        let pairs: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = match pairs.is_empty() {
            true => request,
            false => request.header(COOKIE, pairs.join("; ")),
        };
        let response = request.send().await.unwrap();
        let page = Page {
            status: response.status().as_u16(),
            url: response.url().clone(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        };
        for cookie in page.set_cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            match attributes.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        page
    }

    /// Opens a URL and follows all redirects.
    pub(crate) async fn open(&mut self, url: &str) -> Page {
        let page = self.get(url).await;
        self.follow(page).await
    }

    /// Follows all redirects.
    pub(crate) async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..MAX_REDIRECTS {
            match page.location() {
                location if location.is_empty() => return page,
                location => page = self.get(&location).await,
            }
        }
        panic!("{} is part of a loop", page.url);
    }

    /// Follows redirects until one leads to this path, and returns its URL without opening it.
    pub(crate) async fn url_at(&mut self, url: &str, path: &str) -> String {
        let mut page = self.get(url).await;
        for _ in 0..MAX_REDIRECTS {
            let location = page.location();
            assert!(!location.is_empty(), "{} does not lead to {path}: {}", page.url, page.text);
            if location.parse::<Url>().unwrap().path() == path {
                return location;
            }
            page = self.get(&location).await;
        }
        panic!("{} is part of a loop", page.url);
    }
}
