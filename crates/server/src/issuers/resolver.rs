//! The addresses that the names in discovered URLs may resolve to.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::url::is_internal;

/// Resolves names as the system does, but without internal addresses for the one name that a remote issuer chose. Other names come
/// from the configuration or from the proxies of the environment.
#[derive(Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<Option<String>>>);

impl Resolver {
    /// Restricts this name to public addresses from now on; `None` lifts the restriction.
    pub(super) fn restrict(&self, name: Option<&str>) {
        let mut restricted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *restricted = name.map(str::to_owned);
    }

    fn is_restricted(&self, name: &str) -> bool {
        let restricted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        restricted.as_deref().is_some_and(|restricted| restricted.eq_ignore_ascii_case(name))
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let is_restricted = self.is_restricted(name.as_str());
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let is_usable = |address: &SocketAddr| !(is_restricted && is_internal(address.ip()));
            let usable: Vec<_> = addresses.filter(is_usable).collect();
            if usable.is_empty() {
                let rejection = format!(
                    "{} resolves only to this machine or a private network, but the document that names it is public",
                    name.as_str()
                );
                return Err(Box::<dyn Error + Send + Sync>::from(rejection));
            }
            Ok(Box::new(usable.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(resolver: &Resolver, name: &str) -> Result<usize, String> {
        let addresses = resolver.resolve(name.parse().unwrap()).await;
        addresses.map(Iterator::count).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_restricted_name_has_no_internal_address() {
        let resolver = Resolver::default();
        assert!(resolved(&resolver, "localhost").await.unwrap() > 0);
        resolver.restrict(Some("LocalHost"));
        let rejection = resolved(&resolver, "localhost").await.unwrap_err();
        assert!(rejection.contains("private network"), "{rejection}");
        resolver.restrict(Some("issuer.example"));
        assert!(resolved(&resolver, "localhost").await.is_ok());
        resolver.restrict(None);
        assert!(resolved(&resolver, "localhost").await.is_ok());
    }
}
