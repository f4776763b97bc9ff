//! A client that nobody here wrote: tungstenite.

use serde_json::{Value, json};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{ClientRequestBuilder, Message};

use super::{ARS_CHE, goal, kick_off, served};

#[tokio::test]
async fn tungstenite_subscribes_and_leaves() {
    let (service, mut acme) = served("").await;
    kick_off(&mut acme).await;
    let position = goal(&mut acme, ARS_CHE, 1, 0).await;
    let url = format!("ws://{}/v1/ws", service.main());
    let said = tokio::task::spawn_blocking(move || {
        let request = ClientRequestBuilder::new(url.parse().unwrap()).with_sub_protocol("scoreline.v1.json");
        let (mut socket, response) = tungstenite::connect(request).unwrap();
        assert_eq!(response.headers()["sec-websocket-protocol"], "scoreline.v1.json");
        socket
            .send(Message::text(json!({"type": "subscribe", "id": 1, "topics": ["soccer/eng.1"]}).to_string()))
            .unwrap();
        let mut said: Vec<Value> = Vec::new();
        while said.last().is_none_or(|last| last["type"] != "position") {
            said.push(serde_json::from_str(socket.read().unwrap().to_text().unwrap()).unwrap());
        }
        socket.send(Message::Ping("are you there".into())).unwrap();
        assert_eq!(socket.read().unwrap(), Message::Pong("are you there".into()));
        let close = CloseFrame { code: CloseCode::Normal, reason: "enough".into() };
        socket.close(Some(close)).unwrap();
        let echoed = socket.read().unwrap();
        assert!(matches!(&echoed, Message::Close(Some(close)) if close.code == CloseCode::Normal), "{echoed:?}");
        assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
        said
    });
    let said = said.await.unwrap();
    let types: Vec<&str> = said.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["hello", "subscribed", "state", "state", "position"]);
    assert_eq!(said[4], json!({"type": "position", "id": 1, "position": position}));
}
