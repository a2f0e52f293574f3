//! The web pages of flowruns for people, at `/ui` and below.
//!
//! The server renders every page: a handler reads through the ports of the domain, makes a view (a plain struct), and the view
//! is rendered as HTML, or as JSON for the address with `.json`. The pages work without JavaScript; the address is their only
//! state. They are admitted with the lowest priority.
//!
//! [`router`] makes the routes. A [`Gate`] says who sent a request.

mod address;
mod assets;
mod context;
mod encode;
mod format;
mod json;
mod layout;
mod links;
mod live;
mod options;
mod page;
mod pages;
mod policy;
mod preferences;
mod problem;
mod request;
mod routes;
mod view;
mod visitor;

pub use self::{
    live::{LiveLimits, ViewKey},
    options::DashboardOptions,
    routes::router,
    visitor::{
        Gate, NotSignedIn, SignInLink, SignInMessage, SignInPage, SignInRequest, SignInResponse,
        Visitor, VisitorPath,
    },
};
