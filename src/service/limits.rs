//! How often a caller may ask.
//!
//! In: a caller and an operation. Out: whether it may be done now, or in how many seconds. A key
//! has so many requests a minute for each operation (docs.whop.com, developer/troubleshooting, read
//! 2026-11: 600); they come back evenly.

use super::operation::Operation;
use crate::audience::KeyId;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// What is left of each caller's requests.
pub(super) struct RateLimit {
    /// 0 is no limit.
    per_minute: u32,
    left: Mutex<HashMap<(KeyId, Operation), Left>>,
}

struct Left {
    requests: f64,
    at: Instant,
}

/// Callers that are remembered before those that have all their requests back are forgotten.
const CALLERS_MAX: usize = 10_000;

impl RateLimit {
    pub(super) fn new(per_minute: u32) -> RateLimit {
        RateLimit { per_minute, left: Mutex::default() }
    }

    /// Takes a request.
    ///
    /// # Errors
    ///
    /// In how many seconds the next one may come.
    pub(super) fn take(&self, key: &KeyId, operation: Operation) -> Result<(), u64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let most = f64::from(self.per_minute);
        let a_second = most / 60.0;
        let now = Instant::now();
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= CALLERS_MAX {
            left.retain(|_, it| (now - it.at).as_secs() < 60);
        }
        let fresh = || Left { requests: most, at: now };
        let left = left.entry((key.clone(), operation)).or_insert_with(fresh);
        let back = (now - left.at).as_secs_f64() * a_second;
        left.requests = (left.requests + back).min(most);
        left.at = now;
        if left.requests >= 1.0 {
            left.requests -= 1.0;
            return Ok(());
        }
        Err(((1.0 - left.requests) / a_second).ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_and_operation_has_its_own() {
        let limit = RateLimit::new(3);
        let keys = [KeyId::random().unwrap(), KeyId::random().unwrap()];
        for _ in 0..3 {
            assert_eq!(limit.take(&keys[0], Operation::ListAudiences), Ok(()));
        }
        let wait = limit.take(&keys[0], Operation::ListAudiences).unwrap_err();
        assert!((1..=20).contains(&wait), "{wait}");
        assert_eq!(limit.take(&keys[0], Operation::CreateAudience), Ok(()));
        assert_eq!(limit.take(&keys[1], Operation::ListAudiences), Ok(()));
        let none = RateLimit::new(0);
        assert!((0..1_000).all(|_| none.take(&keys[0], Operation::ListFiles).is_ok()));
    }
}
