"""python-odata: makes its classes from $metadata, with a flow as its root."""

import os

import requests
from odata.service import ODataService

root = os.environ["SERVICE_ROOT"]
session = requests.Session()
session.headers["Authorization"] = f"Bearer {os.environ['SERVICE_TOKEN']}"


def main() -> None:
    flows = f"{root}/industryData/incomingFlows"
    flow = session.post(flows, json={"displayName": "python-odata"}).json()
    service = ODataService(f"{flows}/{flow['id']}/", session=session, reflect_entities=True, quiet_progress=True)
    run_type = service.entities["runs"]
    for number in range(5):
        session.post(f"{flows}/{flow['id']}/runs", json={"displayName": f"run {number}"})
    query = service.query(run_type).filter(run_type.displayName.startswith("run")).order_by(run_type.displayName.asc())
    runs = list(query)
    names = [run.displayName for run in runs]
    assert names == [f"run {number}" for number in range(5)], names
    # Its limit is $top, and the page after it is not asked for.
    assert [run.id for run in query.limit(2)] == [run.id for run in runs[:2]]
    run = service.query(run_type).get(runs[0].id)
    run.displayName = "renamed"
    service.save(run)
    again = service.query(run_type).get(run.id)
    assert again.displayName == "renamed"
    service.delete(again)
    assert session.get(f"{flows}/{flow['id']}/runs/$count").text == "4"
    print("done")


main()
