//! The feeds that this process pulls, each by a task of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::auth::Grant;
use crate::config::Config;
use crate::ingest::Ingest;
use crate::ingest::poll::{self, Ending};

/// By name.
#[derive(Default)]
pub(super) struct Pulls(BTreeMap<String, Pull>);

struct Pull {
    end: oneshot::Sender<Ending>,
    task: JoinHandle<()>,
}

impl Pulls {
    /// Those of a config.
    pub(super) fn start<'g>(
        config: &Config,
        grants: impl Iterator<Item = &'g Arc<Grant>>,
        ingest: &Arc<Ingest>,
    ) -> Pulls {
        let mut pulls = Pulls::default();
        pulls.begin(config, grants, ingest);
        pulls
    }

    /// As another config has them: what is gone or otherwise ends, what is new or otherwise begins.
    pub(super) fn change<'g>(
        &mut self,
        (old, new): (&Config, &Config),
        grants: impl Iterator<Item = &'g Arc<Grant>>,
        ingest: &Arc<Ingest>,
    ) {
        for (name, pull) in std::mem::take(&mut self.0) {
            if !new.feeds.contains_key(&name) {
                let _ = pull.end.send(Ending::Removed);
            } else if new.has_same_feed(old, &name) {
                self.0.insert(name, pull);
            }
            // Else its end is let go: it hands over, and the next one waits for its lease.
        }
        self.begin(new, grants, ingest);
    }

    fn begin<'g>(&mut self, config: &Config, grants: impl Iterator<Item = &'g Arc<Grant>>, ingest: &Arc<Ingest>) {
        for grant in grants {
            let name = &*grant.provider;
            let Some(feed) = config.feeds.get(name).filter(|_| !self.0.contains_key(name)) else { continue };
            let Some(adapter) = config.formats.find(&feed.adapter) else { continue };
            let (end, ended) = oneshot::channel();
            let pull = poll::pull(feed.clone(), adapter, Arc::clone(grant), Arc::clone(ingest), ended);
            self.0.insert(name.to_owned(), Pull { end, task: tokio::spawn(pull) });
        }
    }

    /// Ends them all. They have ended, or had a second for it, when what it gives does.
    pub(super) fn stop(self) -> impl Future<Output = ()> {
        let (ends, tasks): (Vec<_>, Vec<_>) = self.0.into_values().map(|pull| (pull.end, pull.task)).unzip();
        // To let go of one's end is to hand over.
        drop(ends);
        async {
            for task in tasks {
                let _ = tokio::time::timeout(Duration::from_secs(1), task).await;
            }
        }
    }
}
