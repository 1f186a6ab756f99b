"""The README's story by the client that openapi-python-client makes of the document, as a partner's developer would write it."""

import json
import sys
import time

import httpx
from python_client_admin import AuthenticatedClient
from python_client_admin.api.api_keys import issue_api_key
from python_client_admin.api.deliveries import get_delivery, list_deliveries
from python_client_admin.api.tenants import close_tenant, get_tenant, register_tenant
from python_client_admin.api.webhooks import (
    change_webhook,
    create_webhook,
    list_own_webhooks,
    list_webhooks,
    reveal_webhook_secret,
    rotate_webhook_secret,
)
from python_client_admin.models import (
    ApiKeyHeaderAuthBody,
    ApiKeyHeaderShownAuth,
    BearerTokenAuthBody,
    BearerTokenShownAuth,
    ChangeWebhookBody,
    CreateWebhookBody,
    EventFilterEntry,
    IssueApiKeyBody,
    Problem,
    RegisterTenantBody,
)
from verify import verify

SETTINGS = json.loads(sys.argv[1])
ORG_ID = "story-in-python"
INBOX = f"{SETTINGS['inboxUrl']}/{ORG_ID}"

ADMIN = AuthenticatedClient(SETTINGS["adminApiUrl"], SETTINGS["adminJwt"], raise_on_unexpected_status=True)
ADMIN = ADMIN.with_headers({"X-Admin-API-Key": SETTINGS["adminApiKey"]})


def answer(response, status):
    """The answer of a call that has this status."""
    assert response.status_code == status, response
    assert response.parsed is not None, response
    return response.parsed


def refusal(response, status):
    """The code of a refusal that has this status."""
    problem = answer(response, status)
    assert isinstance(problem, Problem), problem
    return problem.error


def eventually(what, look):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.25)
    raise AssertionError(f"{what} did not happen")


def publish(identifier):
    event = {
        "version": "0",
        "id": identifier,
        "detail-type": "KeyAdded",
        "source": "spk.api",
        "time": "2026-04-02T10:00:00Z",
        "detail": {"partnerId": ORG_ID, "data": {"lockId": 7}},
    }
    taken = httpx.post(f"{SETTINGS['deliveryUrl']}/events", json=event, headers={"X-Events-Key": SETTINGS["eventsKey"]})
    assert taken.json() == {"accepted": 1}, taken.text


key = IssueApiKeyBody(org_id=ORG_ID)
assert refusal(issue_api_key.sync_detailed(client=ADMIN, body=key), 404) == "tenant_not_registered"
owner = RegisterTenantBody(org_name="Story in Python", owner_email="owner@example.com")
registered = answer(register_tenant.sync_detailed(ORG_ID, client=ADMIN, body=owner), 201)
assert (registered.success, registered.aggregate_id, registered.version) == (True, ORG_ID, 1), registered
issued = answer(issue_api_key.sync_detailed(client=ADMIN, body=key), 201)
assert (len(issued.api_key), issued.org_name, issued.expires_at) == (40, "Story in Python", None), issued
assert refusal(issue_api_key.sync_detailed(client=ADMIN, body=key), 409) == "active_key_exists"
faults = answer(create_webhook.sync_detailed(ORG_ID, client=ADMIN, body=CreateWebhookBody(url="ftp://example.com")), 400)
assert list(faults.fields.additional_properties) == ["url"], faults

wanted = CreateWebhookBody(
    url=INBOX,
    events=[EventFilterEntry.LOCKCREATED, EventFilterEntry.KEYADDED],
    auth=ApiKeyHeaderAuthBody(type_="apiKeyHeader", header_name="X-Partner-Token"),
)
created = answer(create_webhook.sync_detailed(ORG_ID, client=ADMIN, body=wanted), 201)
assert isinstance(created.auth, ApiKeyHeaderShownAuth), created
listed = answer(list_webhooks.sync_detailed(ORG_ID, client=ADMIN), 200)
assert (listed.total, listed.limit, listed.offset) == (1, 50, 0), listed
assert (listed.webhooks[0].status, listed.webhooks[0].events) == ("active", ["LockCreated", "KeyAdded"]), listed


def messages():
    return httpx.get(f"{INBOX}.json").json()["messages"]


publish("7bf73129-1428-4cd3-a780-95db273d1612")
first = eventually("the event's arrival", messages)[0]
assert first["headers"]["x-partner-token"] == created.auth.token, first
verify(created.secret, first["headers"], first["body"])

httpx.put(f"{INBOX}/behavior", json={"status": 500, "times": 2})
AGAIN = "0c9f6a1e-5d1b-4d6e-9d51-3a3f0b3d5d12"
publish(AGAIN)


def delivered():
    page = answer(list_deliveries.sync_detailed(ORG_ID, created.webhook_id, client=ADMIN), 200)
    return [one for one in page.deliveries if (one.event_id, one.state) == (AGAIN, "delivered")]


assert [attempt.status for attempt in eventually("the third attempt", delivered)[0].attempts] == [500, 500, 200]
one = answer(get_delivery.sync_detailed(ORG_ID, created.webhook_id, AGAIN, client=ADMIN), 200)
assert (one.state, len(one.attempts)) == ("delivered", 3), one

bearer = ChangeWebhookBody(auth=BearerTokenAuthBody(type_="bearerToken"))
changed = answer(change_webhook.sync_detailed(ORG_ID, created.webhook_id, client=ADMIN, body=bearer), 200)
assert changed.version == 2 and isinstance(changed.auth, BearerTokenShownAuth), changed
revealed = answer(reveal_webhook_secret.sync_detailed(ORG_ID, created.webhook_id, client=ADMIN), 200)
assert (revealed.secret, revealed.previous) == (created.secret, []), revealed
rotated = answer(rotate_webhook_secret.sync_detailed(ORG_ID, created.webhook_id, client=ADMIN), 200)
assert rotated.secret.startswith("whsec_"), rotated
partner = AuthenticatedClient(SETTINGS["adminApiUrl"], issued.api_key, prefix="", auth_header_name="X-API-Key")
assert len(answer(list_own_webhooks.sync_detailed(client=partner), 200).webhooks) == 1
assert answer(close_tenant.sync_detailed(ORG_ID, client=ADMIN), 200).success
assert refusal(get_tenant.sync_detailed(ORG_ID, client=ADMIN), 404) == "tenant_not_registered"
