// @microsoft/microsoft-graph-client: by path, with its page iterator, in a batch.
const assert = require("node:assert/strict");
const {
  BatchRequestContent,
  BatchResponseContent,
  Client,
  PageIterator,
} = require("@microsoft/microsoft-graph-client");

const root = new URL(process.env.SERVICE_ROOT);
const flows = "/industryData/incomingFlows";

async function main() {
  const client = Client.init({
    baseUrl: `${root.origin}/`,
    defaultVersion: "beta",
    customHosts: new Set([root.hostname]),
    authProvider: (done) => done(null, process.env.SERVICE_TOKEN),
  });
  const flow = await client.api(flows).post({ displayName: "graph-client" });
  const runs = `${flows}/${flow.id}/runs`;
  for (let number = 0; number < 7; number += 1) {
    await client.api(runs).post({ displayName: `run ${number}` });
  }
  await pages(client, runs);
  await reports(client, runs);
  await batches(client, runs);
  await client.api(`${flows}/${flow.id}`).patch({ displayName: "renamed" });
}

async function pages(client, runs) {
  const query = client.api(runs).filter("status eq 'running'").select(["id", "displayName"]).top(3).count(true);
  const first = await query.orderby("displayName").expand("process").get();
  assert.equal(first["@odata.count"], 7);
  assert.ok(first["@odata.nextLink"].startsWith(`${root.origin}/beta/`), first["@odata.nextLink"]);
  const names = [];
  const iterator = new PageIterator(client, first, (run) => names.push(run.displayName) > 0);
  await iterator.iterate();
  assert.deepEqual(names, [0, 1, 2, 3, 4, 5, 6].map((number) => `run ${number}`));
}

async function reports(client, runs) {
  const [{ id }] = (await client.api(runs).top(1).get()).value;
  const run = client.api(`${runs}/${id}`);
  const stored = await run.select("id,status").expand("process").get();
  assert.deepEqual([stored.id, stored.status, stored.process.displayName], [id, "running", "graph-client"]);
  const report = { status: "completed", statistics: { rows: 3 } };
  const patched = await client.api(`${runs}/${id}`).header("If-Match", stored["@odata.etag"]).patch(report);
  assert.equal(patched.statistics.rows, 3);
  const stale = client.api(`${runs}/${id}`).header("If-Match", stored["@odata.etag"]).patch({ displayName: "late" });
  await assert.rejects(stale, { statusCode: 412, code: "preconditionFailed" });
  const minimal = client.api(`${runs}/${id}/process/runs/${id}`).header("Prefer", "return=minimal");
  assert.equal(await minimal.patch({ statistics: { rows: 4 } }), undefined);
  await assert.rejects(client.api(`${runs}/none`).get(), { statusCode: 400, code: "badRequest" });
}

async function batches(client, runs) {
  // It removes the host; the documentation omits the version, and both are valid.
  const at = (path, options) => new Request(`${root.origin}${path}`, options);
  const inBeta = (path, options) => at(`${root.pathname}${path}`, options);
  const headers = { "Content-Type": "application/json" };
  const id = "0197f3a0-5c1e-7c3a-9d53-2f3a1b6c7d8e";
  const post = { method: "POST", headers, body: JSON.stringify({ id, displayName: "of a batch" }) };
  const patch = { method: "PATCH", headers, body: JSON.stringify({ status: "failed" }) };
  const content = new BatchRequestContent([
    { id: "1", request: at(runs, post) },
    { id: "2", request: at(`${runs}/${id}`, patch), dependsOn: ["1"] },
    { id: "3", request: inBeta(`${runs}?$top=1`, { method: "GET" }), dependsOn: ["2"] },
  ]);
  const response = await client.api("/$batch").post(await content.getContent());
  const responses = new BatchResponseContent(response);
  assert.deepEqual(["1", "2", "3"].map((item) => responses.getResponseById(item).status), [201, 200, 200]);
  assert.equal((await responses.getResponseById("2").json()).status, "failed");
}

main().then(() => console.log("done"));
