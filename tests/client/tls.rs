//! A server whose certificate a private authority has signed.

use std::{env, fs, time::Duration};

use flowruns_client::{Error, Status, blocking};
use flowruns_testing::harness::data_folder;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{FLOWRUNS, run};

const CHILD: &str = "tls::reports_a_run_to_the_server_of_its_environment";

#[test]
#[ignore = "the process that the next test starts"]
fn reports_a_run_to_the_server_of_its_environment() {
    let client = flowruns_client::ClientBuilder::from_env().unwrap();
    let client = client.deadline(Duration::from_secs(10)).build().unwrap();
    let flow = match blocking::Client::from(client).create_flow("Nightly rosters") {
        Err(error @ Error::Away { .. }) => panic!("away: {error:?}"),
        flow => flow.unwrap(),
    };
    let ended = flow.start("Rosters of 1 March").unwrap().complete(()).unwrap();
    assert_eq!(ended.status, Status::Completed);
}

#[test]
fn a_private_authority_is_trusted_when_the_environment_names_it_and_only_then() {
    let folder = data_folder();
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (authority, key, certificate) =
        (file("authority.pem"), file("key.pem"), file("certificate.pem"));
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().unwrap();
    fs::write(&authority, params.self_signed(&authority_key).unwrap().pem()).unwrap();
    let signer = Issuer::new(params, authority_key);
    let server_key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    fs::write(&certificate, params.signed_by(&server_key, &signer).unwrap().pem()).unwrap();
    fs::write(&key, server_key.serialize_pem()).unwrap();
    let tls = [("FLOWRUNS_TLS__CERTIFICATE_FILE", certificate), ("FLOWRUNS_TLS__KEY_FILE", key)];
    let server = FLOWRUNS.server().own_data_folder(folder).envs(tls).start();

    let url = format!("https://localhost:{}", server.address().port());
    let variables = [("FLOWRUNS_URL", &*url), ("FLOWRUNS_TOKEN", server.token())];
    let child = |others: &[(&str, &str)]| {
        let arguments = ["--exact", CHILD, "--ignored", "--nocapture"];
        run(&env::current_exe().unwrap(), &arguments, &[&variables, others].concat())
    };
    let trusted = child(&[("SSL_CERT_FILE", &authority)]);
    assert!(trusted.status.success(), "{}", String::from_utf8_lossy(&trusted.stderr));
    let untrusted = child(&[]);
    let message = String::from_utf8_lossy(&untrusted.stderr).into_owned();
    assert!(!untrusted.status.success() && message.contains("away: "), "{message}");
    assert!(!message.contains(server.token()), "{message}");
}
