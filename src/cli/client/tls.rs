//! The service's certificate, believed where the system's authorities or one's own signed it; and in words what is wrong
//! with it where not.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error, RootCertStore};

/// TLS over a connection to `host`; `ca`: a file with authorities besides the system's.
///
/// # Errors
/// In words: the file, or the service's certificate.
pub(super) async fn over(stream: TcpStream, host: &str, ca: Option<&Path>) -> Result<TlsStream<TcpStream>, String> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(authorities(ca)?).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()]; // a WebSocket is an upgrade of it
    let name = ServerName::try_from(host.to_owned()).map_err(|_| format!("{host} is no name for a certificate"))?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.map_err(|error| words(&error))
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // What cannot be read of the system's is not believed; then its authority is unknown, and that is said.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let Some(file) = ca else { return Ok(roots) };
    let failed = |error: &dyn std::fmt::Display| format!("--ca {}: {error}", file.display());
    let before = roots.len();
    for authority in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
        roots.add(authority.map_err(|error| failed(&error))?).map_err(|error| failed(&error))?;
    }
    match roots.len() == before {
        true => Err(failed(&"there is no certificate in it (PEM)")),
        false => Ok(roots),
    }
}

/// What is wrong, and what helps.
fn words(error: &std::io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    let fault = match inner {
        Some(Error::InvalidCertificate(fault)) => fault,
        Some(Error::InvalidMessage(_)) => return "no TLS is spoken there; perhaps http:// is".to_owned(),
        Some(other) => return format!("no TLS with it: {other}"),
        None => return error.to_string(),
    };
    match fault {
        CertificateError::UnknownIssuer => {
            "no authority that is known here signed its certificate; name your own with --ca FILE".to_owned()
        }
        CertificateError::BadSignature => {
            "its certificate was signed with another key than its authority's that is known here; is the file of --ca \
             an older one?"
                .to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let named: Vec<&str> = presented.iter().map(|name| bare(name)).collect();
            format!("its certificate is for {}, not for {}", named.join(", "), expected.to_str())
        }
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired on {}", instant(*not_after))
        }
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {}", instant(*not_before))
        }
        other => format!("its certificate is not to be believed: {other}"),
    }
}

/// `DnsName("a.example")` → `a.example`.
fn bare(name: &str) -> &str {
    name.split_once('(').map_or(name, |(_, inner)| inner.trim_end_matches(')').trim_matches('"'))
}

fn instant(time: UnixTime) -> String {
    let second = i64::try_from(time.as_secs()).ok().and_then(|second| Timestamp::from_second(second).ok());
    second.map_or_else(|| "a day beyond all calendars".to_owned(), |instant| instant.to_string())
}
