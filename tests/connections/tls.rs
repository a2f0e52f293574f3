//! TLS in the server, and certificates that are renewed while it runs.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{CertificateParams, CertifiedKey, KeyPair, date_time_ymd, generate_simple_self_signed};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use flowruns_testing::harness::data_folder;

use crate::{
    client::{Client, TEST_TIMEOUT, get},
    frames::{Frame, PREFACE, SETTINGS},
    server::Server,
};

/// A certificate and its key.
struct Identity(CertifiedKey<KeyPair>);

impl Identity {
    fn new() -> Self {
        Self(generate_simple_self_signed(["localhost".to_owned()]).unwrap())
    }

    /// Valid from the first day of one year to that of another.
    fn of_years(from: i32, until: i32) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        let signing_key = KeyPair::generate().unwrap();
        let cert = params.self_signed(&signing_key).unwrap();
        Self(CertifiedKey { cert, signing_key })
    }

    fn certificate(&self) -> CertificateDer<'static> {
        self.0.cert.der().clone()
    }

    fn install(&self, folder: &Path) {
        replace(&folder.join("key.pem"), &self.0.signing_key.serialize_pem());
        replace(&folder.join("certificate.pem"), &self.0.cert.pem());
    }
}

/// Replaces a file atomically.
fn replace(file: &Path, text: &str) {
    let new = file.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, file).unwrap();
}

fn start(identity: &Identity, http: &[(&str, &str)]) -> Server {
    let folder = data_folder();
    identity.install(folder.path());
    start_in(folder, http)
}

fn start_in(folder: TempDir, http: &[(&str, &str)]) -> Server {
    let file = |name: &str| folder.path().join(name);
    let tls = [
        ("FLOWRUNS_TLS__CERTIFICATE_FILE", file("certificate.pem")),
        ("FLOWRUNS_TLS__KEY_FILE", file("key.pem")),
        ("FLOWRUNS_TLS__CHECK_INTERVAL_MS", PathBuf::from("20")),
    ];
    Server::start_in(folder, http, &tls)
}

/// Connects with a client that trusts only this identity.
async fn connect(
    address: SocketAddr,
    trusted: &Identity,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.certificate()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.into()];
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    timeout(TEST_TIMEOUT, connecting).await.unwrap()
}

/// Waits until the server presents this certificate.
async fn until_presented(server: &Server, identity: &Identity) {
    let showing = async { while connect(server.address, identity, "h2").await.is_err() {} };
    timeout(TEST_TIMEOUT, showing).await.unwrap();
}

/// Waits until the log contains the words `times` times.
async fn until_logged(server: &Server, words: &str, times: usize) {
    let logging = async {
        while server.log().matches(words).count() < times {
            tokio::task::yield_now().await;
        }
    };
    timeout(TEST_TIMEOUT, logging).await.unwrap();
}

const KEPT: &str = "the former ones stay in use";

#[tokio::test]
async fn both_protocols_are_served_over_tls_and_links_say_https() {
    let identity = Identity::new();
    let server = start(&identity, &[]);
    let mut stream = connect(server.address, &identity, "http/1.1").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let request = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = String::new();
    timeout(TEST_TIMEOUT, stream.read_to_string(&mut received)).await.unwrap().unwrap();
    assert!(received.starts_with("HTTP/1.1 200 "), "{received}");
    assert!(received.contains("https://localhost/$metadata"), "{received}");
    assert!(received.contains("\nstrict-transport-security: "), "{received}");

    let mut stream = connect(server.address, &identity, "h2").await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let settings = Frame::new(SETTINGS, 0, 0, []).to_bytes();
    stream.write_all(&[PREFACE, &settings].concat()).await.unwrap();
    let mut head = [0; 9];
    timeout(TEST_TIMEOUT, stream.read_exact(&mut head)).await.unwrap().unwrap();
    assert_eq!(head[3], SETTINGS);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not() {
    let (first, second, third) = (Identity::new(), Identity::new(), Identity::new());
    let server = start(&first, &[]);
    let folder = server.folder();
    until_presented(&server, &first).await;
    second.install(&folder);
    until_presented(&server, &second).await;
    assert!(connect(server.address, &first, "h2").await.is_err());

    let warnings = server.log().matches(KEPT).count();
    replace(&folder.join("certificate.pem"), "not a certificate");
    until_logged(&server, KEPT, warnings + 1).await;
    connect(server.address, &second, "h2").await.unwrap();
    // A certificate of another key.
    replace(&folder.join("certificate.pem"), &third.0.cert.pem());
    until_logged(&server, KEPT, warnings + 2).await;
    connect(server.address, &second, "h2").await.unwrap();
    fs::remove_file(folder.join("key.pem")).unwrap();
    until_logged(&server, KEPT, warnings + 3).await;
    connect(server.address, &second, "h2").await.unwrap();

    third.install(&folder);
    until_presented(&server, &third).await;
}

#[tokio::test]
async fn a_client_that_closes_its_sending_side_of_tls_gets_its_response() {
    let identity = Identity::new();
    let server = start(&identity, &[]);
    for _ in 0..20 {
        let mut stream = connect(server.address, &identity, "http/1.1").await.unwrap();
        let request = get("/livez");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut received = String::new();
        let read = timeout(TEST_TIMEOUT, stream.read_to_string(&mut received)).await;
        read.unwrap().unwrap();
        assert!(received.starts_with("HTTP/1.1 200 "), "{received}");
    }
}

#[tokio::test]
async fn plain_http_is_rejected_on_a_tls_port() {
    let identity = Identity::new();
    let server = start(&identity, &[]);
    let mut plain = Client::that_sent(&server, get("/livez")).await;
    assert!(!plain.closed().await.contains("HTTP/"));
    connect(server.address, &identity, "h2").await.unwrap();
}

#[tokio::test]
async fn a_slow_handshake_is_ended_in_time_and_does_not_block_other_clients() {
    let identity = Identity::new();
    let server = start(&identity, &[("FIRST_BYTE_TIMEOUT_MS", "5000")]);
    let mut silent = Client::connect(server.address).await;
    // The first bytes of a handshake message of 512 bytes.
    let mut slow = Client::that_sent(&server, b"\x16\x03\x01\x02\x00").await;
    connect(server.address, &identity, "h2").await.unwrap();
    assert_eq!(silent.closed().await, "");
    assert_eq!(slow.closed().await, "");
}

#[test]
fn a_server_without_a_usable_certificate_does_not_start_and_reports_why() {
    let cases = [("not PEM", "not PEM", "no private key"), ("", "", "no private key")];
    for (certificate, key, words) in cases {
        let folder = data_folder();
        fs::write(folder.path().join("certificate.pem"), certificate).unwrap();
        fs::write(folder.path().join("key.pem"), key).unwrap();
        let output = crate::FLOWRUNS
            .command(folder.path())
            .env("FLOWRUNS_TLS__CERTIFICATE_FILE", folder.path().join("certificate.pem"))
            .env("FLOWRUNS_TLS__KEY_FILE", folder.path().join("key.pem"))
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(message.contains(words), "{message}");
    }
    let folder = data_folder();
    let output = crate::FLOWRUNS
        .command(folder.path())
        .env("FLOWRUNS_TLS__KEY_FILE", "key.pem")
        .output()
        .unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("set both or neither"), "{message}");
}

#[test]
fn a_certificate_file_that_is_not_regular_or_too_long_is_named_and_the_server_does_not_start() {
    let folder = data_folder();
    let path = |name: &str| folder.path().join(name);
    let made = std::process::Command::new("mkfifo").arg(path("fifo")).status();
    assert!(made.unwrap().success());
    fs::write(path("long"), vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let cases = [
        (path("fifo"), "not a regular file"),
        (PathBuf::from("/dev/zero"), "not a regular file"),
        (path("long"), "longer than 1048576 bytes"),
    ];
    for (file, words) in cases {
        let output = crate::FLOWRUNS
            .command(folder.path())
            .env("FLOWRUNS_TLS__CERTIFICATE_FILE", &file)
            .env("FLOWRUNS_TLS__KEY_FILE", &file)
            .output()
            .unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        let name = file.to_str().unwrap();
        assert!(message.contains(words) && message.contains(name), "{message}");
    }
}

#[tokio::test]
async fn a_certificate_file_that_becomes_a_fifo_causes_only_a_warning() {
    let identity = Identity::new();
    let server = start(&identity, &[]);
    let certificate = server.folder().join("certificate.pem");
    let fifo = certificate.with_extension("fifo");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    fs::rename(fifo, certificate).unwrap();
    until_logged(&server, "not a regular file", 1).await;
    connect(server.address, &identity, "h2").await.unwrap();
}

#[tokio::test]
async fn a_warning_is_logged_for_a_certificate_that_has_expired_or_is_not_valid_yet() {
    for (from, until, words) in [(2001, 2002, "has expired"), (2900, 2901, "is not valid yet")] {
        let identity = Identity::of_years(from, until);
        let server = start(&identity, &[]);
        until_logged(&server, words, 1).await;
        // It is logged once, and again only after a renewal.
        let renewed = Identity::of_years(from, until);
        renewed.install(&server.folder());
        until_logged(&server, words, 2).await;
    }
}
