//! What the names in discovered URLs may resolve to.

use std::{
    error::Error,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::url::is_internal;

/// Resolves names as the system does, but gives no internal address for the one name that a remote issuer chose. Other names
/// are those of the configuration and of the environment's proxies.
#[derive(Clone, Default)]
pub(super) struct Resolver(Arc<Mutex<Option<String>>>);

impl Resolver {
    /// From now on this name has public addresses only; `None`: every name has all of its addresses.
    pub(super) fn restrict(&self, name: Option<&str>) {
        let mut restricted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *restricted = name.map(str::to_owned);
    }

    fn is_restricted(&self, name: &str) -> bool {
        let restricted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        restricted
            .as_deref()
            .is_some_and(|restricted| restricted.eq_ignore_ascii_case(name))
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
                let refused = format!(
                    "{} resolves to this machine or a private network only, and the document that names it is elsewhere",
                    name.as_str()
                );
                return Err(Box::<dyn Error + Send + Sync>::from(refused));
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
        addresses
            .map(Iterator::count)
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_restricted_name_has_no_internal_address() {
        let resolver = Resolver::default();
        assert!(resolved(&resolver, "localhost").await.unwrap() > 0);
        resolver.restrict(Some("LocalHost"));
        let refused = resolved(&resolver, "localhost").await.unwrap_err();
        assert!(refused.contains("private network"), "{refused}");
        resolver.restrict(Some("issuer.example"));
        assert!(resolved(&resolver, "localhost").await.is_ok());
        resolver.restrict(None);
        assert!(resolved(&resolver, "localhost").await.is_ok());
    }
}
