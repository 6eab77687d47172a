//! [`Throttle`]: a limit for wrong passwords.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sessile::clock::{Clock, Timestamp};

/// The time that a wrong password counts.
const WINDOW: Duration = Duration::from_secs(5 * 60);

/// The maximum number of wrong passwords for one name in a window. An attacker with many addresses meets this limit.
///
/// During an attack, it also keeps the user from signing in. Signed-in sessions are not affected.
const PER_NAME: u32 = 10;

/// The maximum number of wrong passwords from one address in a window. This limit stops an attacker that tries many names.
const PER_ADDRESS: u32 = 30;

/// The maximum number of names and addresses that are remembered: about 100 kB.
const CAPACITY: usize = 4096;

/// Counts the wrong passwords of each name and each address.
pub(crate) struct Throttle {
    clock: Box<dyn Clock>,
    hashing: RandomState,
    windows: Mutex<HashMap<u64, Window>>,
}

#[derive(Clone, Copy)]
struct Window {
    ends_at: Timestamp,
    attempts: u32,
}

/// The name and the address of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt([(u64, u32); 2]);

/// There were too many wrong passwords.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooManyAttempts {
    pub(crate) retry_after: Duration,
}

impl Throttle {
    pub(crate) fn new(clock: impl Clock) -> Self {
        Self {
            clock: Box::new(clock),
            hashing: RandomState::new(),
            windows: Mutex::default(),
        }
    }

    /// Counts an attempt before its password is checked, so concurrent attempts can't exceed the limit.
    pub(crate) fn begin(&self, name: &str, address: IpAddr) -> Result<Attempt, TooManyAttempts> {
        // The keys have a fixed size, whatever a client sends. The hash is keyed, so clients can't cause collisions.
        let attempt = Attempt([
            (self.hashing.hash_one(("name", name)), PER_NAME),
            (
                self.hashing.hash_one(("address", network(address))),
                PER_ADDRESS,
            ),
        ]);
        let now = self.clock.now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, limit) in attempt.0 {
            if let Some(window) = windows.get(&key)
                && now < window.ends_at
                && window.attempts >= limit
            {
                let retry_after = window.ends_at.saturating_duration_since(now);
                return Err(TooManyAttempts { retry_after });
            }
        }
        for (key, _) in attempt.0 {
            make_room(&mut windows, key, now);
            let window = windows.entry(key).or_insert(Window {
                ends_at: now.saturating_add(WINDOW),
                attempts: 0,
            });
            window.attempts = window.attempts.saturating_add(1);
        }
        Ok(attempt)
    }

    /// The password was right: the attempt does not count.
    pub(crate) fn forgive(&self, attempt: Attempt) {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, _) in attempt.0 {
            if let Some(window) = windows.get_mut(&key) {
                window.attempts = window.attempts.saturating_sub(1);
            }
        }
    }
}

/// Removes the window of `key` if it has ended. If there is no room for another one, removes all that have ended, or else
/// the one that ends next.
fn make_room(windows: &mut HashMap<u64, Window>, key: u64, now: Timestamp) {
    if let Some(window) = windows.get(&key) {
        if now >= window.ends_at {
            windows.remove(&key);
        }
    } else if windows.len() >= CAPACITY {
        windows.retain(|_, window| now < window.ends_at);
        if windows.len() >= CAPACITY
            && let Some((&next, _)) = windows.iter().min_by_key(|(_, window)| window.ends_at)
        {
            windows.remove(&next);
        }
    }
}

/// The part of an address that its owner can't change at will: a customer usually has a whole IPv6 network of 64 bits.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use sessile::clock::ManualClock;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn throttle() -> (Throttle, ManualClock) {
        let clock = ManualClock::default();
        (Throttle::new(clock.clone()), clock)
    }

    #[test]
    fn a_name_is_refused_from_every_address_until_its_window_ends() {
        let (throttle, clock) = throttle();
        for last in 0..10 {
            let from = address(&format!("192.0.2.{last}"));
            assert!(throttle.begin("ferris", from).is_ok());
        }
        clock.advance(Duration::from_secs(60));
        let refused = throttle
            .begin("ferris", address("198.51.100.1"))
            .unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(4 * 60));
        assert!(throttle.begin("corro", address("198.51.100.1")).is_ok());

        clock.advance(Duration::from_secs(4 * 60));
        assert!(throttle.begin("ferris", address("198.51.100.1")).is_ok());
    }

    #[test]
    fn an_address_is_refused_for_every_name() {
        let (throttle, _) = throttle();
        let begin = |number: u32, from: &str| throttle.begin(&number.to_string(), address(from));
        for number in 0..30 {
            // These are addresses of the same network.
            let from = format!("2001:db8::{number:x}");
            assert!(begin(number, &from).is_ok());
        }
        assert!(begin(30, "2001:db8::ffff").is_err());
        assert!(begin(31, "2001:db8:0:1::1").is_ok());
    }

    #[test]
    fn right_passwords_do_not_count() {
        let (throttle, _) = throttle();
        for _ in 0..100 {
            let attempt = throttle.begin("ferris", address("192.0.2.1")).unwrap();
            throttle.forgive(attempt);
        }
        // A right password removes its own attempt from the count, and no wrong one.
        for _ in 0..9 {
            assert!(throttle.begin("ferris", address("192.0.2.1")).is_ok());
        }
        let attempt = throttle.begin("ferris", address("192.0.2.1")).unwrap();
        throttle.forgive(attempt);
        assert!(throttle.begin("ferris", address("192.0.2.1")).is_ok());
        assert!(throttle.begin("ferris", address("192.0.2.1")).is_err());
    }

    #[test]
    fn a_refused_attempt_does_not_extend_the_window() {
        let (throttle, clock) = throttle();
        for _ in 0..10 {
            assert!(throttle.begin("ferris", address("192.0.2.1")).is_ok());
        }
        clock.advance(WINDOW - Duration::from_millis(1));
        assert!(throttle.begin("ferris", address("192.0.2.1")).is_err());
        clock.advance(Duration::from_millis(1));
        assert!(throttle.begin("ferris", address("192.0.2.1")).is_ok());
    }

    #[test]
    fn the_memory_is_bounded_and_forgets_the_oldest_window() {
        let (throttle, clock) = throttle();
        for _ in 0..10 {
            assert!(throttle.begin("first", address("192.0.2.1")).is_ok());
        }
        assert!(throttle.begin("first", address("192.0.2.1")).is_err());
        clock.advance(Duration::from_millis(1));
        for number in 0..CAPACITY as u32 {
            let from = IpAddr::from(number.to_be_bytes());
            assert!(throttle.begin(&format!("name {number}"), from).is_ok());
        }
        assert_eq!(throttle.windows.lock().unwrap().len(), CAPACITY);
        assert!(throttle.begin("first", address("192.0.2.1")).is_ok());

        clock.advance(WINDOW);
        assert!(throttle.begin("last", address("192.0.2.1")).is_ok());
        assert_eq!(throttle.windows.lock().unwrap().len(), 2);
    }
}
