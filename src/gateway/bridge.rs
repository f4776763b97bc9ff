//! A task that carries bytes between a shard and a stream that cannot be taken apart: a WebSocket over HTTP/2.

use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncWriteExt, BufReader, copy_buf, split};
use tokio::time::timeout;

use crate::fanout::{ClientEnd, Outlet};

/// Bytes that a bridge holds each way. Clients say little.
const OUT: usize = 4 << 10;
const IN: usize = 1 << 10;
/// How long a client may take to end its side after the server's last word.
const LINGER: Duration = Duration::from_secs(2);

/// The shard's end of a stream.
pub(super) fn outlet(upgraded: Upgraded) -> Outlet {
    let (outlet, client) = Outlet::channel();
    tokio::spawn(carry(client, upgraded));
    outlet
}

async fn carry(near: ClientEnd, far: Upgraded) {
    let (near_reads, mut near_writes) = split(near);
    let (far_reads, mut far_writes) = split(TokioIo::new(far));
    let out = async {
        copy_buf(&mut BufReader::with_capacity(OUT, near_reads), &mut far_writes).await?;
        far_writes.shutdown().await
    };
    let into = async {
        copy_buf(&mut BufReader::with_capacity(IN, far_reads), &mut near_writes).await?;
        near_writes.shutdown().await
    };
    tokio::pin!(out, into);
    // A failure on either side is the end of both; an end is heard out.
    tokio::select! {
        said = &mut out => {
            if said.is_ok() {
                let _ = timeout(LINGER, into).await;
            }
        }
        heard = &mut into => {
            if heard.is_ok() {
                let _ = out.await;
            }
        }
    }
}
