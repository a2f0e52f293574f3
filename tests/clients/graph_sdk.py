"""msgraph-beta-sdk: its request builders and models of industryData, pointed at this server."""

import asyncio
import os

from kiota_abstractions.authentication import AccessTokenProvider, AllowedHostsValidator, BaseBearerTokenAuthenticationProvider
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_abstractions.method import Method
from kiota_abstractions.request_information import RequestInformation
from msgraph_beta import GraphRequestAdapter, GraphServiceClient
from msgraph_beta.generated.external.industry_data.runs.runs_request_builder import RunsRequestBuilder
from msgraph_beta.generated.models.industry_data.industry_data_run import IndustryDataRun
from msgraph_beta.generated.models.industry_data.industry_data_run_status import IndustryDataRunStatus
from msgraph_beta.generated.models.o_data_errors.o_data_error import ODataError
from msgraph_core.tasks.page_iterator import PageIterator

ROOT = os.environ["SERVICE_ROOT"]
OPTIONS = "{?%24count,%24expand,%24filter,%24orderby,%24search,%24select,%24skip,%24top}"
ERRORS = {"XXX": ODataError}


class StaticToken(AccessTokenProvider):
    async def get_authorization_token(self, uri, additional_authentication_context=None):
        return os.environ["SERVICE_TOKEN"]

    def get_allowed_hosts_validator(self):
        return AllowedHostsValidator([])


def request(method: Method, url: str, body=None, **headers: str) -> RequestInformation:
    info = RequestInformation(method, "{+url}", {"url": url})
    info.headers.try_add("Accept", "application/json")
    for name, value in headers.items():
        info.headers.try_add(name.replace("_", "-"), value)
    if body is not None:
        info.set_content_from_parsable(adapter, "application/json", body)
    return info


async def send(method: Method, url: str, body=None, **headers: str):
    return await adapter.send_async(request(method, url, body, **headers), IndustryDataRun, ERRORS)


async def main() -> None:
    flows = f"{ROOT}/industryData/incomingFlows"
    flow = await send(Method.POST, flows, IndustryDataRun(additional_data={"displayName": "sdk"}))
    url = f"{flows}/{flow.id}/runs"
    for number in range(7):
        await send(Method.POST, url, IndustryDataRun(additional_data={"displayName": f"run {number}"}))

    builder = RunsRequestBuilder(adapter, {})
    builder.url_template = url + OPTIONS
    parameters = RunsRequestBuilder.RunsRequestBuilderGetQueryParameters(
        filter="status eq 'running'", orderby=["displayName desc"], select=["id", "displayName", "status"], top=3, count=True)
    page = await builder.get(RequestConfiguration(query_parameters=parameters))
    assert page.odata_count == 7 and len(page.value) == 3, page
    names = []
    await PageIterator(page, adapter).iterate(lambda run: names.append(run.display_name) or True)
    assert names == [f"run {number}" for number in reversed(range(7))], names

    run = await send(Method.GET, f"{url}/{page.value[0].id}?%24select=id,status&%24expand=process")
    assert run.status == IndustryDataRunStatus.Running and "process" in run.additional_data
    run = await send(Method.GET, f"{url}/{run.id}")
    tag = run.additional_data["@odata.etag"]
    run.status = IndustryDataRunStatus.CompletedWithErrors
    run.additional_data["statistics"] = {"rows": 3}
    # What was read is written back whole.
    patched = await send(Method.PATCH, f"{url}/{run.id}/process/runs/{run.id}", run, If_Match=tag)
    assert patched.status == run.status and patched.end_date_time is not None
    assert await send(Method.PATCH, f"{url}/{run.id}", run, Prefer="return=minimal") is None
    try:
        await send(Method.PATCH, f"{url}/{run.id}", IndustryDataRun(status=IndustryDataRunStatus.Failed))
        raise AssertionError("an ended run failed")
    except ODataError as error:
        assert (error.response_status_code, error.error.code) == (409, "conflict"), error
    print("done")


adapter = GraphRequestAdapter(BaseBearerTokenAuthenticationProvider(StaticToken()))
adapter.base_url = ROOT
# It registers how bodies are written and read.
GraphServiceClient(request_adapter=adapter)
asyncio.run(main())
