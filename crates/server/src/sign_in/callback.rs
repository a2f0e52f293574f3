//! The end of a sign-in at the issuer.

use axum::http::HeaderValue;
use flowruns_dashboard::{SignInRequest, SignInResponse};
use flowruns_http::RequestError;

use super::{
    SignIn, SignInMethod,
    cookie::Transport,
    issuer_sign_in::Arrival,
    login_state::{LoginState, LoginStates},
    next_path::NextPath,
    query::Parameters,
    renewal,
    response::{DECLINED, EXPIRED, LOST, back_to_sign_in, redirect},
    session::Session,
};

impl SignIn {
    /// `/ui/callback`: the issuer sent the browser back.
    pub(super) async fn callback(
        &self,
        request: &SignInRequest,
    ) -> Result<SignInResponse, RequestError> {
        let SignInMethod::Issuer(issuer) = &self.method else {
            return Ok(redirect(&request.origin, "/ui/sign-in", Vec::new()));
        };
        let visit = self.visit(request)?;
        let sent = Parameters::of(request.query.as_deref().unwrap_or_default().as_bytes());
        let Some(attempt) = issuer.attempt(&visit, &sent) else {
            return Ok(back_to_sign_in(&request.origin, &NextPath::home(), LOST, Vec::new()));
        };
        self.count_attempt(request)?;
        let mut cookies: Vec<_> =
            LoginStates::removal(&attempt.state, visit.transport).into_iter().collect();
        let next = attempt.next();
        match issuer.arrive(&visit, &sent, attempt).await? {
            // At the issuer somebody else is signed in now: nobody becomes another person without a click.
            Arrival::SignedIn { session, attempt }
                if attempt.is_silent && self.replaces_another(&session, request) =>
            {
                cookies.extend(self.sessions.removal(visit.transport));
                Ok(back_to_sign_in(&request.origin, &next, EXPIRED, cookies))
            }
            Arrival::SignedIn { session, attempt } => {
                self.signed_in(&session, &attempt, visit.transport, &mut cookies)?;
                Ok(redirect(&request.origin, next.as_str(), cookies))
            }
            Arrival::Declined(attempt) if attempt.is_silent => {
                cookies.extend(self.sessions.removal(visit.transport));
                Ok(back_to_sign_in(&request.origin, &next, EXPIRED, cookies))
            }
            Arrival::Declined(_) => Ok(back_to_sign_in(&request.origin, &next, DECLINED, cookies)),
            Arrival::Unknown => Ok(back_to_sign_in(&request.origin, &next, LOST, cookies)),
        }
    }

    /// Whether a new session is of another person than the expired session of the browser.
    fn replaces_another(&self, new: &Session, request: &SignInRequest) -> bool {
        let expired = self.sessions.expired(&request.headers, request.now);
        expired.is_some_and(|expired| !expired.is_of_same_person(new))
    }

    /// Adds the cookies of a new session.
    fn signed_in(
        &self,
        session: &Session,
        attempt: &LoginState,
        transport: Transport,
        cookies: &mut Vec<HeaderValue>,
    ) -> Result<(), RequestError> {
        let cookie = self.sessions.cookie(session, transport);
        cookies.push(
            cookie
                .ok_or_else(|| RequestError::internal("the session does not fit into a cookie"))?,
        );
        if attempt.is_silent {
            cookies.extend(renewal::made(session.id, transport));
        }
        Ok(())
    }
}
