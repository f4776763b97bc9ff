//! `/__echo` is for conformance tests alone.

use super::{Service, shake};
use crate::subscriber::{CLOSE, Frame, Handshake, PING, TEXT};
use crate::support::soon;

#[tokio::test]
async fn there_is_no_echo_unless_it_is_asked_for() {
    for more in ["", "test_echo = false"] {
        let service = Service::start(more).await;
        let Err(answer) = Handshake::new("/__echo").open(service.main()).await else { panic!("it was let in") };
        answer.problem(404, "not_found");
    }
}

#[tokio::test]
async fn it_says_back_what_it_hears() {
    let service = Service::start("test_echo = true").await;
    let mut socket = shake(&service, Handshake::new("/__echo")).await;
    socket.send(TEXT, "héllo".as_bytes()).await;
    assert_eq!(soon(socket.frame()).await, Some(Frame::Text("héllo".to_owned())));
    socket.send(PING, b"x").await;
    assert_eq!(soon(socket.frame()).await, Some(Frame::Pong(b"x".to_vec())));
    socket.send(CLOSE, &4_321_u16.to_be_bytes()).await;
    assert_eq!(socket.close_code().await, 4_321);
    assert_eq!(soon(socket.frame()).await, None);

    let offer = "Sec-WebSocket-Extensions: permessage-deflate";
    let mut socket = shake(&service, Handshake::new("/__echo").with(offer)).await;
    let long = "goal! ".repeat(100);
    socket.send(TEXT, long.as_bytes()).await;
    assert_eq!(soon(socket.frame()).await, Some(Frame::Text(long)));
    assert_eq!(socket.compressed, 1);
}
