//! What systemd is told (`Type=notify`): ready, reloading, draining, and that the process lives. Elsewhere nobody listens,
//! and nothing is said.

use sd_notify::{NotifyState, notify, watchdog_enabled};

/// It listens and its log is open. From now on it also says that it lives, where a watchdog waits for that.
pub(super) fn begin() {
    ready();
    if let Some(patience) = watchdog_enabled() {
        tokio::spawn(async move {
            let mut due = tokio::time::interval(patience / 2);
            loop {
                due.tick().await;
                tell(&[NotifyState::Watchdog]);
            }
        });
    }
}

/// It is as before, or as its files now say.
pub(super) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It reads its files again.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "no monotonic clock for systemd"),
    }
}

/// It drains.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = notify(state) {
        tracing::warn!(%error, "systemd cannot be told");
    }
}
