//! A server, the caller that attacks it, and the other callers, which the attack must not affect.

use flowruns_testing::harness::ApiClient;
use serde_json::{Value, json};

use crate::{
    attackers::Attackers,
    measurement::{Measurement, Watch},
    other_caller::OtherCaller,
    server::{Role, Server, Setting, send},
};

pub(crate) const ATTACKING_TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
const OTHER_TENANT: &str = "7d9f3a54-0c5e-4d53-b1b6-0a5b7f1c9e11";
/// How many requests of each kind each other caller sends during an attack.
const ROUNDS: usize = 6;

pub(crate) struct Fixture {
    pub(crate) server: Server,
    /// The attacker's token, with which runs can be written.
    pub(crate) writer: String,
    /// A token of the attacker that allows only reading.
    pub(crate) reader: String,
    /// The path of the runs of the attacker's flow.
    pub(crate) runs: String,
    /// The path of one of them.
    pub(crate) run: String,
    client: ApiClient,
}

impl Fixture {
    pub(crate) async fn start(settings: &[Setting]) -> Self {
        let server = Server::start(settings).await;
        let writer = server.token(ATTACKING_TENANT, "attacker", Role::Write);
        let reader = server.token(ATTACKING_TENANT, "attacker", Role::Read);
        let client = server.client(&writer);
        let mut fixture =
            Self { server, writer, reader, runs: String::new(), run: String::new(), client };
        fixture.runs = runs_of_new_flow(&fixture.client).await;
        fixture.run = fixture.new_run(&json!({})).await;
        fixture
    }

    /// Sends a request of the attacker and waits for its response.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        send(&self.client, method, path, body.to_owned()).await
    }

    /// The path of a new run of the attacker, with these statistics.
    pub(crate) async fn new_run(&self, statistics: &Value) -> String {
        let body = json!({"displayName": "Attacked", "statistics": statistics});
        self.client.create(&self.runs, &body.to_string()).await
    }

    /// A caller with a flow of its own: of another tenant.
    pub(crate) async fn other_tenant(&self) -> OtherCaller {
        let token = self.server.token(OTHER_TENANT, "other", Role::Write);
        self.other_caller(&token).await
    }

    /// A caller with a flow of its own: another application of the attacker's tenant.
    pub(crate) async fn other_application(&self) -> OtherCaller {
        let token = self.server.token(ATTACKING_TENANT, "other", Role::Write);
        self.other_caller(&token).await
    }

    async fn other_caller(&self, token: &str) -> OtherCaller {
        let client = self.server.client(token);
        let runs = runs_of_new_flow(&client).await;
        OtherCaller::create(client, runs, ROUNDS * crate::scale()).await
    }

    /// Starts an attack, sends the requests of the other callers during it, ends it, and measures all of that. Afterwards the
    /// server must be idle again and have lost nothing that it acknowledged.
    pub(crate) async fn under(
        &self,
        name: &'static str,
        attack: impl FnOnce(&Self) -> Attackers,
    ) -> Measurement {
        let others = [self.other_tenant().await, self.other_application().await];
        let watch = Watch::start(&self.server);
        let mut attackers = attack(self);
        let connections = attackers.len();
        attackers.until_established().await;
        let (tenant, application) = tokio::join!(others[0].work(), others[1].work());
        let has_ended = attackers.end().await;
        let measurement = watch.finish(name, connections, [tenant, application], has_ended);
        measurement.print();
        self.assert_undamaged(&others).await;
        measurement
    }

    async fn assert_undamaged(&self, others: &[OtherCaller]) {
        self.server.process.assert_no_panic();
        self.server.assert_idle().await;
        for caller in others {
            caller.assert_nothing_lost().await;
        }
    }
}

/// The path of the runs of a new flow.
async fn runs_of_new_flow(client: &ApiClient) -> String {
    client.create_flow().await + "/runs"
}
