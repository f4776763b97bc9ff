//! The servers, each a process of its own; killed when it is dropped.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use scoreline::cli::bench::{Gauge, Target};

/// The key of the one provider.
pub(crate) const KEY: &str = "bars-benchmark-key";

/// A server.
pub(crate) struct Service {
    child: Child,
    pub(crate) target: Target,
    /// The ops listener; the bare loop's own address, which has none.
    pub(crate) ops: Target,
    pub(crate) gauge: Gauge,
    /// From starting the process to the first connection that it took.
    pub(crate) started: Duration,
}

impl Service {
    /// `scoreline serve` on this log.
    pub(crate) fn scoreline(broker: &str, more: &[&str]) -> Result<Service, Box<dyn Error>> {
        Service::build(env!("CARGO_BIN_EXE_scoreline"), broker, more)
    }

    /// The same, of any build.
    pub(crate) fn build(program: &str, broker: &str, more: &[&str]) -> Result<Service, Box<dyn Error>> {
        let provider = format!("bars={KEY}");
        let arguments = ["--broker", broker, "--provider", &provider, "--log", "error"];
        Service::start(program, &[&["serve"], &arguments[..], more].concat())
    }

    /// The program with arguments, on free ports.
    pub(crate) fn scoreline_with(arguments: &[&str]) -> Result<Service, Box<dyn Error>> {
        Service::start(env!("CARGO_BIN_EXE_scoreline"), arguments)
    }

    fn start(program: &str, arguments: &[&str]) -> Result<Service, Box<dyn Error>> {
        let (main, ops) = free_ports()?;
        let mut command = Command::new(program);
        command.args(arguments).args(["--listen", &main.to_string(), "--ops-listen", &ops.to_string()]);
        let begun = Instant::now();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let gauge = Gauge::Process(child.id());
        let mut service =
            Service { child, target: Target::at(main), ops: Target::at(ops), gauge, started: Duration::ZERO };
        while TcpStream::connect(main).is_err() {
            service.is_waited_for(begun)?;
        }
        service.started = begun.elapsed();
        while !matches!(Target::at(ops).ask("GET", "/readyz", None), Ok((200, _))) {
            service.is_waited_for(begun)?;
        }
        Ok(service)
    }

    /// The bare loop: this program again.
    pub(crate) fn bare() -> Result<Service, Box<dyn Error>> {
        let begun = Instant::now();
        let mut child = Command::new(std::env::current_exe()?).arg("bare").stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().ok_or("no stdout")?).read_line(&mut said)?;
        let (address, gauge): (SocketAddr, _) = (said.trim().parse()?, Gauge::Process(child.id()));
        Ok(Service { child, target: Target::at(address), ops: Target::at(address), gauge, started: begun.elapsed() })
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn is_waited_for(&mut self, begun: Instant) -> Result<(), Box<dyn Error>> {
        if let Some(status) = self.child.try_wait()? {
            return Err(format!("the server ended: {status}").into());
        }
        if begun.elapsed() > Duration::from_secs(10) {
            return Err("the server is not ready after 10 s".into());
        }
        std::thread::sleep(Duration::from_micros(500));
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_ports() -> Result<(SocketAddr, SocketAddr), Box<dyn Error>> {
    let (main, ops) = (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
    Ok((main.local_addr()?, ops.local_addr()?))
}
