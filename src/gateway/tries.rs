//! Failed tries of keys and signatures: counted, and past a few a minute from one address slowed. Who presents a good one is
//! never kept waiting for what others at its address do. (Subscribers' tokens that are refused are counted by the gate: nobody
//! guesses a signature, and a crowd whose tokens were signed with an old key must hear so at once.)

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use warp::http::StatusCode;

use super::problem::Problem;
use super::server::block;
use crate::metrics::{Door, Metrics};
use crate::wire::ErrorCode;

/// Tries of one address that may fail at once, and then in a minute.
const AT_ONCE: u32 = 20;
/// How long those beyond wait for their answer.
const SLOWED: Duration = Duration::from_secs(1);
/// Addresses that are remembered before those that have rested are forgotten.
const REMEMBERED: usize = 4_096;

/// Failed tries.
pub struct Tries {
    limiter: DefaultKeyedRateLimiter<IpAddr>,
    metrics: Arc<Metrics>,
}

impl Tries {
    /// None yet.
    #[must_use]
    pub fn new(metrics: &Arc<Metrics>) -> Tries {
        let at_once = NonZeroU32::new(AT_ONCE).expect("more than 0");
        Tries { limiter: RateLimiter::keyed(Quota::per_minute(at_once)), metrics: Arc::clone(metrics) }
    }

    /// A try failed: the answer to it, as soon as it may be given. A client without an address is its own.
    pub(super) async fn failed(&self, door: Door, client: Option<IpAddr>, problem: Problem) -> Problem {
        self.metrics.auth_failed(door);
        if self.limiter.len() > REMEMBERED {
            self.limiter.retain_recent();
        }
        match self.limiter.check_key(&client.map_or(Ipv6Addr::UNSPECIFIED.into(), block)) {
            Ok(()) => problem,
            Err(_) => {
                tokio::time::sleep(SLOWED).await;
                let detail = "too many tries of this address have failed";
                Problem::new(StatusCode::TOO_MANY_REQUESTS, ErrorCode::RateLimited, detail).retry_after(5)
            }
        }
    }
}
