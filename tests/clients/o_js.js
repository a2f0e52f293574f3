// o.js: a generic OData client.
const assert = require("node:assert/strict");
const { o } = require("o.js");

const headers = { Authorization: `Bearer ${process.env.SERVICE_TOKEN}`, "Content-Type": "application/json" };
const client = () => o(`${process.env.SERVICE_ROOT}/industryData/`, { headers });

async function main() {
  const flow = await client().post("incomingFlows", { displayName: "o.js" }).query();
  const runs = `incomingFlows/${flow.id}/runs`;
  for (const displayName of ["one", "two", "three"]) {
    await client().post(runs, { displayName }).query();
  }
  const query = { $filter: "startswith(displayName,'t')", $orderby: "displayName desc", $top: 5, $select: "id,displayName" };
  const found = await client().get(runs).query(query);
  assert.deepEqual(found.map((run) => run.displayName), ["two", "three"]);
  const { id } = found[0];
  const stored = await client().get(`${runs}('${id}')`).query({ $select: "id,status", $expand: "process" });
  assert.deepEqual([stored.status, stored.process.displayName], ["running", "o.js"]);
  const patched = await client().patch(`${runs}/${id}`, { status: "completed", statistics: { rows: 2 } }).query();
  assert.equal(patched.statistics.rows, 2);
  const one = await client().get(`${runs}/${id}`).query();
  assert.deepEqual(one, patched);
  await client().delete(`${runs}/${id}`).query();
}

main().then(() => console.log("done"));
