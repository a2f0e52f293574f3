//! The URLs of keys that a discovery document may name.

use super::*;

fn discovered(text: &str, document: &str) -> anyhow::Result<Url> {
    discovered_url(text, &Url::parse(document).unwrap())
}

const REMOTE: &str = "https://issuer.example/.well-known/openid-configuration";

/// URLs of this machine and of private networks, in every notation.
const INTERNAL_URLS: [&str; 29] = [
    "https://localhost/keys",
    "https://LOCALHOST:8443/keys",
    "https://localhost./keys",
    "https://a.localhost/keys",
    "https://127.0.0.1/keys",
    "https://127.1/keys",
    "https://2130706433/keys",
    "https://0x7f000001/keys",
    "https://0177.0.0.1/keys",
    "https://0.0.0.0/keys",
    "https://10.1.2.3/keys",
    "https://100.64.0.1/keys",
    "https://169.254.169.254/latest/meta-data",
    "https://172.16.0.1/keys",
    "https://172.31.255.255/keys",
    "https://192.168.1.1/keys",
    "https://198.18.0.1/keys",
    "https://224.0.0.1/keys",
    "https://255.255.255.255/keys",
    "https://[::1]/keys",
    "https://[::]/keys",
    "https://[::ffff:127.0.0.1]/keys",
    "https://[::ffff:a9fe:a9fe]/keys",
    "https://[::127.0.0.1]/keys",
    "https://[fe80::1]/keys",
    "https://[fd00:ec2::254]/keys",
    "https://[64:ff9b::7f00:1]/keys",
    "https://[2002:7f00:1::]/keys",
    "https://[ff02::1]/keys",
];

#[test]
fn a_remote_document_must_not_name_an_internal_url() {
    for text in INTERNAL_URLS {
        let rejected = discovered(text, REMOTE).unwrap_err().to_string();
        assert!(rejected.contains("jwks_url"), "{text}: {rejected}");
        let plain = text.replacen("https", "http", 1);
        assert!(discovered(&plain, REMOTE).is_err(), "{plain}");
    }
    for text in [
        "https://issuer.example/keys",
        "https://keys.example:8443/",
        "https://203.0.114.9/keys",
        "https://8.8.8.8/keys",
        "https://[2606:4700::1111]/keys",
        "https://[64:ff9b::808:808]/keys",
    ] {
        assert!(discovered(text, REMOTE).is_ok(), "{text}");
    }
    for text in
        ["http://issuer.example/keys", "http://203.0.114.9/keys", "file:///etc/passwd", "/keys", ""]
    {
        assert!(discovered(text, REMOTE).is_err(), "{text}");
    }
}

#[test]
fn an_internal_document_may_name_internal_urls() {
    for document in ["https://10.1.2.3/", "https://[fd00::1]/", "https://localhost/"] {
        for text in INTERNAL_URLS {
            assert!(discovered(text, document).is_ok(), "{document} {text}");
        }
    }
    let plain = "http://127.0.0.1:8080/keys";
    assert!(discovered(plain, "http://localhost:8080/").is_ok());
    assert!(discovered(plain, "https://10.1.2.3/").is_err());
}
