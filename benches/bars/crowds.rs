//! Healthy subscribers beside crowds that never get anywhere: connections that say nothing, and heads that come a byte a
//! second. The service cuts each of them off in time, and they come again.

use std::error::Error;
use std::io::{ErrorKind, Read, Result as Io, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::service::{KEY, Service};
use crate::stats::Median;

/// Connections of each kind.
const EACH: usize = 1_000;
/// So many are looked at between two pauses; all of them within a second.
const AT_ONCE: usize = 100;
const PAUSE: Duration = Duration::from_millis(50);

/// In turns with and without the crowds, the order changing with each round.
pub(crate) fn run(rounds: usize, seconds: u64, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let service = Service::scoreline("memory:", arguments)?;
    println!("\ncrowds: 200 subscribers at 50 reports/s, in turns beside {EACH} silent and {EACH} slow connections");
    let (mut alone, mut beside, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut p99 = [0.0; 2];
        for turn in [round % 2, (round + 1) % 2] {
            let crowd = (turn == 1).then(|| Crowd::gather(service.target.address));
            // Until the first of them are cut off, and come again.
            std::thread::sleep(Duration::from_secs(if crowd.is_some() { 6 } else { 1 }));
            p99[turn] = healthy(&service, seconds)?;
            let came = crowd.map(Crowd::leave).transpose()?;
            let held = service.gauge.read()?.memory >> 20;
            println!("  round {round}: p99 {:.1} ms, {} came, {held} MiB", p99[turn], came.unwrap_or(0));
        }
        alone.push(p99[0]);
        beside.push(p99[1]);
        ratios.push(p99[1] / p99[0]);
    }
    let of = |samples: &[f64]| Median::of(samples.iter().copied());
    if let (Some(alone), Some(beside), Some(ratio)) = (of(&alone), of(&beside), of(&ratios)) {
        println!("  p99 {alone:.1} ms alone, {beside:.1} ms beside the crowds: {ratio:.2} of a pair (bar 1.5)");
    }
    Ok(())
}

/// The 99th percentile of delivery as `scoreline bench` sees it, which also looks that nothing is missing; ms.
fn healthy(service: &Service, seconds: u64) -> Result<f64, Box<dyn Error>> {
    let (url, duration) = (format!("http://{}", service.target.address), format!("{seconds}s"));
    let load = ["bench", "--connections", "200", "--rate", "50", "--json", "--key", KEY, "--duration", &duration];
    let output = Command::new(env!("CARGO_BIN_EXE_scoreline")).args(load).args(["--url", &url]).output()?;
    let figures: Value = serde_json::from_slice(&output.stdout)?;
    match (&figures["ok"], figures["accepted_to_received_ms"]["p99"].as_f64()) {
        (Value::Bool(true), Some(p99)) => Ok(p99),
        _ => Err(format!("the healthy ones were not served: {figures}").into()),
    }
}

/// Those who mean harm, held by a thread.
struct Crowd {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Io<usize>>,
}

impl Crowd {
    fn gather(at: SocketAddr) -> Crowd {
        let stop = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&stop);
        Crowd { stop, thread: std::thread::spawn(move || hold(at, &until)) }
    }

    /// How many connections it took.
    fn leave(self) -> Result<usize, Box<dyn Error>> {
        self.stop.store(true, Ordering::Relaxed);
        Ok(self.thread.join().map_err(|_| "the crowd's thread panicked")??)
    }
}

fn hold(at: SocketAddr, until: &AtomicBool) -> Io<usize> {
    let mut all: Vec<Option<TcpStream>> = (0..2 * EACH).map(|_| None).collect();
    let mut came = 0;
    while !until.load(Ordering::Relaxed) {
        for (number, place) in all.iter_mut().enumerate() {
            if number % AT_ONCE == 0 {
                std::thread::sleep(PAUSE);
            }
            let is_slow = number < EACH;
            if !place.as_mut().is_some_and(|socket| goes_on(socket, is_slow)) {
                *place = Some(begin(at, is_slow)?);
                came += 1;
            }
        }
    }
    Ok(came)
}

fn begin(at: SocketAddr, is_slow: bool) -> Io<TcpStream> {
    let mut socket = TcpStream::connect(at)?;
    if is_slow {
        socket.write_all(b"GET /v1/ws HTTP/1.1\r\nhost: x\r\nx-slow: ")?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}

/// Whether it is still let be; a slow one says another byte.
fn goes_on(socket: &mut TcpStream, is_slow: bool) -> bool {
    let silent = matches!(socket.read(&mut [0; 64]), Err(error) if error.kind() == ErrorKind::WouldBlock);
    silent && (!is_slow || socket.write(b"x").is_ok())
}
