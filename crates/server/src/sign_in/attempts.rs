//! How often one address may try to sign in: each attempt makes this server verify a signature or ask the issuer.

use std::{
    net::IpAddr,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use flowruns_domain::timestamp::Timestamp;
use lru::LruCache;

use super::time::second;

/// Attempts of one address in a window. People behind one proxy that does not name them share an address.
const MAX_ATTEMPTS: u32 = 60;
/// In seconds.
const WINDOW: i64 = 60;
/// How many addresses are remembered; the least recent one is forgotten first.
const MAX_ADDRESSES: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Counts attempts by address.
pub(super) struct Attempts(Mutex<LruCache<IpAddr, Window>>);

struct Window {
    began_at: i64,
    attempts: u32,
}

impl Attempts {
    pub(super) fn new() -> Self {
        Self(Mutex::new(LruCache::new(MAX_ADDRESSES)))
    }

    /// Counts an attempt.
    ///
    /// # Errors
    ///
    /// The seconds until the next attempt is allowed.
    pub(super) fn count(&self, address: IpAddr, now: Timestamp) -> Result<(), u32> {
        let now = second(now);
        let mut addresses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Window { began_at: now, attempts: 0 };
        let window = addresses.get_or_insert_mut(network(address), new);
        let age = now - window.began_at;
        if !(0..WINDOW).contains(&age) {
            *window = new();
        }
        if window.attempts >= MAX_ATTEMPTS {
            return Err(u32::try_from(window.began_at + WINDOW - now).unwrap_or(1).max(1));
        }
        window.attempts += 1;
        Ok(())
    }
}

/// A client of IPv6 usually has a whole network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::time::at_second;

    fn at(seconds: i64) -> Timestamp {
        at_second(seconds).unwrap()
    }

    #[test]
    fn an_address_is_limited_until_its_window_ends_and_no_other_is() {
        let attempts = Attempts::new();
        let address: IpAddr = "203.0.113.9".parse().unwrap();
        for _ in 0..MAX_ATTEMPTS {
            assert_eq!(attempts.count(address, at(1_000)), Ok(()));
        }
        assert_eq!(attempts.count(address, at(1_010)), Err(50));
        assert_eq!(attempts.count("203.0.113.10".parse().unwrap(), at(1_010)), Ok(()));
        assert_eq!(attempts.count(address, at(1_060)), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let attempts = Attempts::new();
        for number in 0..MAX_ATTEMPTS {
            let address = format!("2001:db8:0:1::{number:x}").parse().unwrap();
            assert_eq!(attempts.count(address, at(1_000)), Ok(()));
        }
        assert!(attempts.count("2001:db8:0:1:ffff::1".parse().unwrap(), at(1_000)).is_err());
        assert!(attempts.count("2001:db8:0:2::1".parse().unwrap(), at(1_000)).is_ok());
    }

    #[test]
    fn the_number_of_remembered_addresses_is_bounded() {
        let attempts = Attempts::new();
        for number in 0..2 * MAX_ADDRESSES.get() {
            let address = IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
            assert_eq!(attempts.count(address, at(1_000)), Ok(()));
        }
        assert_eq!(attempts.0.lock().unwrap().len(), MAX_ADDRESSES.get());
    }
}
