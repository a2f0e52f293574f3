//! A server, the caller that attacks it, and the callers beside it that must not notice.

use serde_json::{Value, json};

use crate::{
    bystander::Bystander,
    measurement::{Measurement, Watch},
    server::{Role, Server, Setting, send},
    swarm::Swarm,
};

const FLOWS: &str = "/industryData/incomingFlows";
pub(crate) const ATTACKING_TENANT: &str = "1e0c5e0a-4f7b-4a35-9a5c-7b0f2d7f3c55";
const OTHER_TENANT: &str = "7d9f3a54-0c5e-4d53-b1b6-0a5b7f1c9e11";
/// Of each kind of request, what each bystander sends while an attack is held.
const ROUNDS: usize = 6;

pub(crate) struct Scene {
    pub(crate) server: Server,
    /// The attacker's token, with which runs can be written.
    pub(crate) writer: String,
    /// A token of the attacker that allows reading alone.
    pub(crate) reader: String,
    /// The path of the runs of the attacker's flow.
    pub(crate) runs: String,
    /// The path of one of them.
    pub(crate) run: String,
    pub(crate) http: reqwest::Client,
}

impl Scene {
    pub(crate) async fn start(settings: &[Setting]) -> Self {
        let server = Server::start(settings).await;
        let writer = server.token(ATTACKING_TENANT, "attacker", Role::Write);
        let reader = server.token(ATTACKING_TENANT, "attacker", Role::Read);
        let http = reqwest::Client::builder().timeout(crate::server::PATIENCE);
        let mut scene = Self {
            server,
            writer,
            reader,
            runs: String::new(),
            run: String::new(),
            http: http.build().unwrap(),
        };
        scene.runs = scene.new_flow(&scene.writer).await;
        scene.run = scene.new_run(&json!({})).await;
        scene
    }

    /// Sends a request of the attacker and waits for its response.
    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let url = self.server.url(path);
        send(&self.http, method, &url, &self.writer, body.to_owned()).await
    }

    /// The path of a new run of the attacker, with these statistics.
    pub(crate) async fn new_run(&self, statistics: &Value) -> String {
        let body = json!({"displayName": "Attacked", "statistics": statistics});
        let (status, run) = self.send("POST", &self.runs, &body.to_string()).await;
        assert_eq!(status, 201, "{run}");
        format!("{}/{}", self.runs, run["id"].as_str().unwrap())
    }

    /// A caller with a flow of its own: of another tenant.
    pub(crate) async fn other_tenant(&self) -> Bystander {
        let token = self.server.token(OTHER_TENANT, "bystander", Role::Write);
        self.bystander(token).await
    }

    /// A caller with a flow of its own: another application of the attacker's tenant.
    pub(crate) async fn other_application(&self) -> Bystander {
        let token = self
            .server
            .token(ATTACKING_TENANT, "bystander", Role::Write);
        self.bystander(token).await
    }

    async fn bystander(&self, token: String) -> Bystander {
        let runs = self.new_flow(&token).await;
        let rounds = ROUNDS * crate::scale();
        Bystander::create(&self.server, token, runs, rounds).await
    }

    async fn new_flow(&self, token: &str) -> String {
        let (url, body) = (self.server.url(FLOWS), r#"{"displayName":"Attacks"}"#);
        let (status, flow) = send(&self.http, "POST", &url, token, body).await;
        assert_eq!(status, 201, "{flow}");
        format!("{FLOWS}/{}/runs", flow["id"].as_str().unwrap())
    }

    /// Attacks, sends the requests of the bystanders while the attack is held, ends it, and measures all of that. Then
    /// the server must be as before, and hold what it has acknowledged.
    pub(crate) async fn under(
        &self,
        name: &'static str,
        attack: impl FnOnce(&Self) -> Swarm,
    ) -> Measurement {
        let bystanders = [self.other_tenant().await, self.other_application().await];
        let watch = Watch::start(&self.server);
        let mut swarm = attack(self);
        let connections = swarm.len();
        swarm.until_established().await;
        let (tenant, application) = tokio::join!(bystanders[0].work(), bystanders[1].work());
        let has_ended = swarm.end().await;
        let measurement = watch.finish(name, connections, [tenant, application], has_ended);
        measurement.print();
        self.assert_undamaged(&bystanders).await;
        measurement
    }

    async fn assert_undamaged(&self, bystanders: &[Bystander]) {
        self.server.assert_no_panic();
        self.server.assert_idle().await;
        for bystander in bystanders {
            bystander.assert_nothing_lost().await;
        }
    }
}
