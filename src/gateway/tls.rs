//! TLS: the certificate in use, how it is read, and read again when it changes. Versions 1.2 and 1.3, on ring.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use parking_lot::Mutex;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use x509_parser::extensions::GeneralName;
use x509_parser::parse_x509_certificate;

use crate::live::Live;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);
/// HTTP/2's name in ALPN.
pub(super) const H2: &[u8] = b"h2";

/// Why a certificate cannot be used; one line.
#[derive(Debug, thiserror::Error)]
#[error("{}: {why}", file.display())]
pub struct TlsError {
    file: PathBuf,
    why: String,
}

/// What a certificate says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The hosts it is for.
    pub hosts: Vec<String>,
    /// Valid from.
    pub from: Timestamp,
    /// Valid until.
    pub until: Timestamp,
}

impl Certificate {
    /// Whether a client would take it at this moment; and if not, why.
    ///
    /// # Errors
    /// It is not valid yet, or not any more.
    pub fn is_valid_at(&self, now: Timestamp) -> Result<(), String> {
        match self {
            Certificate { from, .. } if now < *from => Err(format!("it is not valid before {from}")),
            Certificate { until, .. } if now > *until => Err(format!("it expired on {until}")),
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Certificate { hosts, from, until } = self;
        write!(f, "for {}, valid from {from} until {until}", hosts.join(", "))
    }
}

/// The certificate in use. Connections that are there keep theirs; new ones get the newest.
#[derive(Debug)]
pub struct Tls {
    current: Arc<Current>,
    config: Arc<ServerConfig>,
    /// Held while a certificate is read: a reload and the look at the files are one after the other.
    files: Mutex<Files>,
}

/// Where the certificate in use is.
#[derive(Debug)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
    /// As the files were when they were last tried.
    tried: Stamp,
}

#[derive(Debug)]
struct Current(Live<CertifiedKey>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.get())
    }
}

/// When both files last changed, and their lengths.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Tls {
    /// Reads a certificate chain and its key, both PEM.
    ///
    /// # Errors
    /// When a file cannot be read, or the two do not belong together.
    pub fn open(cert: &Path, key: &Path) -> Result<Arc<Tls>, TlsError> {
        let tried = stamp(cert, key);
        let (certified, certificate) = read(cert, key)?;
        tell(&certificate);
        let current = Arc::new(Current(Live::new(certified)));
        let failed = |error: &dyn fmt::Display| TlsError { file: cert.to_owned(), why: error.to_string() };
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| failed(&error))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(current.clone());
        config.alpn_protocols = vec![H2.to_vec(), b"http/1.1".to_vec()];
        // Who comes back resumes without a signature: a herd's reconnect costs half.
        config.ticketer = ring::Ticketer::new().map_err(|error| failed(&error))?;
        config.send_tls13_tickets = 1;
        let files = Mutex::new(Files { cert: cert.to_owned(), key: key.to_owned(), tried });
        Ok(Arc::new(Tls { current, config: Arc::new(config), files }))
    }

    /// From now on it is the certificate in these files, as they are now.
    ///
    /// # Errors
    /// As [`Tls::open`]; then the certificate in use stays.
    pub fn change(&self, cert: &Path, key: &Path) -> Result<(), TlsError> {
        let mut files = self.files.lock();
        let tried = stamp(cert, key);
        let certificate = self.take(cert, key)?;
        *files = Files { cert: cert.to_owned(), key: key.to_owned(), tried };
        tell(&certificate);
        Ok(())
    }

    /// Reads the files again whenever one of them changes.
    pub async fn keep_up(self: Arc<Self>) {
        let mut tick = tokio::time::interval(LOOK);
        loop {
            tick.tick().await;
            match self.look() {
                Ok(Some(certificate)) => tell(&certificate),
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "the certificate in use stays"),
            }
        }
    }

    /// The certificate, where its files are others than when they were last tried.
    fn look(&self) -> Result<Option<Certificate>, TlsError> {
        let mut files = self.files.lock();
        let now = stamp(&files.cert, &files.key);
        if files.tried == now {
            return Ok(None);
        }
        files.tried = now;
        self.take(&files.cert, &files.key).map(Some)
    }

    fn take(&self, cert: &Path, key: &Path) -> Result<Certificate, TlsError> {
        let (certified, certificate) = read(cert, key)?;
        self.current.0.set(certified);
        Ok(certificate)
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// The certificate in a file, checked against its key.
///
/// # Errors
/// As [`Tls::open`].
pub fn certificate(cert: &Path, key: &Path) -> Result<Certificate, TlsError> {
    read(cert, key).map(|(_, certificate)| certificate)
}

fn read(cert: &Path, key: &Path) -> Result<(CertifiedKey, Certificate), TlsError> {
    let of_cert = |error: &dyn fmt::Display| TlsError { file: cert.to_owned(), why: error.to_string() };
    let of_key = |error: &dyn fmt::Display| TlsError { file: key.to_owned(), why: error.to_string() };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(cert).map_err(|e| of_cert(&e))?.collect();
    let chain = chain.map_err(|error| of_cert(&error))?;
    let Some(first) = chain.first() else { return Err(of_cert(&"there is no certificate in it (PEM)")) };
    let (_, parsed) = parse_x509_certificate(first).map_err(|error| of_cert(&error))?;
    let certificate = describe(&parsed);
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| of_key(&error))?;
    let certified = CertifiedKey::from_der(chain, secret, &ring::default_provider()).map_err(|error| of_key(&error))?;
    Ok((certified, certificate))
}

fn describe(parsed: &x509_parser::certificate::X509Certificate<'_>) -> Certificate {
    let named = parsed.subject_alternative_name().ok().flatten();
    let hosts = named.iter().flat_map(|named| &named.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(host) => Some((*host).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    let moment =
        |time: &x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX);
    let validity = parsed.validity();
    Certificate { hosts: hosts.collect(), from: moment(&validity.not_before), until: moment(&validity.not_after) }
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let sixteen = <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    four.or(sixteen).ok().map(|address| address.to_string())
}

fn tell(certificate: &Certificate) {
    match certificate.is_valid_at(Timestamp::now()) {
        Ok(()) => tracing::info!("certificate {certificate}"),
        Err(why) => tracing::error!("certificate {certificate}: {why}"),
    }
}

fn stamp(cert: &Path, key: &Path) -> Stamp {
    [cert, key].map(|file| {
        let held = std::fs::metadata(file).ok()?;
        Some((held.modified().ok()?, held.len()))
    })
}
