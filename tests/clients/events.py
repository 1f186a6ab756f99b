"""The client that openapi-generator makes of the partners' document takes an event of each type, and tomorrow's form of it."""

import json
import sys

from openapi_client.models.event import Event

with open(sys.argv[1], encoding="utf-8") as file:
    TYPES = json.load(file)["eventTypes"]
count = 0
for event_type in TYPES:
    if not event_type["republished"]:
        continue
    example = event_type["example"]
    for event in (example, {**example, "tomorrow": 1, "detail": {**example["detail"], "tomorrow": {"a": []}}}):
        parsed = Event.from_dict(event).actual_instance
        assert parsed.detail_type == event_type["name"], parsed
    count += 1
assert count > 50, count
