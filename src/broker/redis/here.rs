//! Which processes share the log: a hash of their names, each with the server's second at which it was last there.

use std::collections::BTreeMap;

use ::redis::pipe;

use super::{Shared, broken};
use crate::broker::BrokerError;

/// Who was not there for so long is gone; s.
const GONE: i64 = 10;

/// [`crate::broker::Broker::meet`].
pub(super) async fn meet(shared: &Shared, name: &str, said: &str) -> Result<Vec<(String, String)>, BrokerError> {
    let Shared { link, names, .. } = shared;
    let mut question = pipe();
    question.cmd("TIME").cmd("HGETALL").arg(&names.here);
    let question = &question;
    type Found = ((i64, i64), BTreeMap<String, String>);
    let ((now, _), mut all): Found =
        link.run(async |connection| question.query_async::<Found>(connection).await).await?;
    all.insert(name.to_owned(), format!("{now} {said}"));
    let (here, gone): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, row)| when(row) > now - GONE);

    let mut write = pipe();
    write.cmd("HSET").arg(&names.here).arg(name).arg(format!("{now} {said}")).ignore();
    for (name, _) in &gone {
        write.cmd("HDEL").arg(&names.here).arg(name).ignore();
    }
    let write = &write;
    link.run(async |connection| write.query_async::<()>(connection).await).await?;
    let said = |(name, row): (String, String)| {
        let said = row.split_once(' ').ok_or_else(|| broken(&"who is here"))?.1.to_owned();
        Ok((name, said))
    };
    here.into_iter().map(said).collect()
}

fn when(row: &str) -> i64 {
    row.split(' ').next().and_then(|second| second.parse().ok()).unwrap_or(0)
}
