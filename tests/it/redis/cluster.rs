//! Three masters on loopback, which share the slots.

use super::sentinel::until;
use super::server::{Server, free_port};

/// A cluster.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Server>,
}

impl Cluster {
    /// Three masters that agree.
    pub(crate) fn start() -> Cluster {
        let nodes: Vec<Server> = (0..3).map(|_| node()).collect();
        let bounds = [0, 5_461, 10_923, 16_384];
        for (i, node) in nodes.iter().enumerate() {
            let _: String = node.ask(&format!("CLUSTER ADDSLOTSRANGE {} {}", bounds[i], bounds[i + 1] - 1));
            let _: String = node.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", i + 1));
        }
        for node in &nodes[1..] {
            let bus: Vec<String> = nodes[0].ask("CONFIG GET cluster-port");
            let _: String = node.ask(&format!("CLUSTER MEET 127.0.0.1 {} {}", nodes[0].port, bus[1]));
        }
        let cluster = Cluster { nodes };
        cluster.agreed();
        cluster
    }

    /// Waits until every node says that all is well.
    fn agreed(&self) {
        let well = |node: &Server| {
            let info: String = node.ask("CLUSTER INFO");
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        until("the cluster agrees", || self.nodes.iter().all(well));
    }

    /// The broker's URL.
    pub(crate) fn url(&self) -> String {
        let nodes: Vec<String> = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis+cluster://{}", nodes.join(","))
    }

    /// Who serves the namespace's slot.
    pub(crate) fn serving(&self, namespace: &str) -> usize {
        let slot: u16 = self.nodes[0].ask(&format!("CLUSTER KEYSLOT {{{namespace}}}"));
        self.nodes.iter().position(|node| owns(node, slot)).unwrap()
    }

    /// Moves the namespace's slot to another node, key by key, as an operator does.
    pub(crate) fn move_slot(&self, namespace: &str, to: usize) {
        let slot: u16 = self.nodes[0].ask(&format!("CLUSTER KEYSLOT {{{namespace}}}"));
        let (from, to) = (&self.nodes[self.serving(namespace)], &self.nodes[to]);
        let name = |node: &Server| -> String { node.ask("CLUSTER MYID") };
        let (from_name, to_name) = (name(from), name(to));
        let _: String = to.ask(&format!("CLUSTER SETSLOT {slot} IMPORTING {from_name}"));
        let _: String = from.ask(&format!("CLUSTER SETSLOT {slot} MIGRATING {to_name}"));
        loop {
            let keys: Vec<String> = from.ask(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let _: String = from.ask(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port));
            }
        }
        for node in [to, from].into_iter().chain(&self.nodes) {
            let _: String = node.ask(&format!("CLUSTER SETSLOT {slot} NODE {to_name}"));
        }
    }
}

fn owns(node: &Server, slot: u16) -> bool {
    let nodes: String = node.ask("CLUSTER NODES");
    let own = nodes.lines().find(|line| line.contains("myself")).unwrap();
    own.split(' ').skip(8).any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        matches!((first.parse::<u16>(), last.parse::<u16>()), (Ok(first), Ok(last)) if (first..=last).contains(&slot))
    })
}

fn node() -> Server {
    let bus = free_port().to_string();
    Server::start(&[
        "--cluster-enabled",
        "yes",
        "--cluster-port",
        &bus,
        "--cluster-node-timeout",
        "2000",
        "--appendonly",
        "yes",
    ])
}
