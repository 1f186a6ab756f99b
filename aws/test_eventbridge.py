"""The CloudFormation template, linted and created on moto's server on loopback.

moto (5.2) creates rules, targets, queues and roles from a template, but no connection, API destination, queue policy or
alarm. The test makes these through their APIs, from the template's own properties, and puts their ARNs into the rest of the
template. moto has no TestEventPattern either, so the test puts events on the bus and reads what the rule sends to a second
target. moto calls no API destination, and enforces no policy, retry or rate limit.
"""

import json
import logging
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import urllib.request

import boto3
import yaml
from moto.server import ThreadedMotoServer

HERE = pathlib.Path(__file__).parent
TEMPLATE = HERE / "eventbridge.yaml"
NEWER = HERE / "eventbridge-v2.yaml"
BY_API = ("Connection", "Destination", "DeadLettersPolicy", "DeadLettersAlarm", "FailuresAlarm")
REGION = "eu-central-1"
RULE = "spk-webhooks-stage"
URL = "https://events.example.com/events"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:on-call"
PARAMETERS = {"Environment": "stage", "EventsApiKey": "test-only-events-key-0123456789abcdef", "AlarmTopic": TOPIC, "EventsUrl": URL}
ACCOUNT = {"AWS::AccountId": "123456789012", "AWS::Partition": "aws", "AWS::Region": REGION}


class Tagged(yaml.SafeLoader):
    """Reads !Ref, !Sub, !GetAtt, !If, !Not and !Equals as the long forms of them."""


def _tag(loader, suffix, node):
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{suffix}": loader.construct_sequence(node, deep=True)}
    value = loader.construct_scalar(node)
    if suffix == "Ref":
        return {"Ref": value}
    return {f"Fn::{suffix}": value.split(".") if suffix == "GetAtt" else value}


Tagged.add_multi_constructor("!", _tag)


ABSENT = {"Ref": "AWS::NoValue"}


def resolved(value, known):
    """A value of the template with parameters, conditions and known attributes put in."""
    if isinstance(value, list):
        return [item for item in (resolved(item, known) for item in value) if item != ABSENT]
    if not isinstance(value, dict):
        return value
    if "Ref" in value and value["Ref"] in known:
        return known[value["Ref"]]
    if "Fn::Sub" in value:
        return re.sub(r"\$\{([\w:]+)\}", lambda found: str(known[found.group(1)]), value["Fn::Sub"])
    if "Fn::GetAtt" in value and ".".join(value["Fn::GetAtt"]) in known:
        return known[".".join(value["Fn::GetAtt"])]
    if "Fn::Equals" in value:
        left, right = resolved(value["Fn::Equals"], known)
        return left == right
    if "Fn::Not" in value:
        [condition] = resolved(value["Fn::Not"], known)
        return not condition
    if "Fn::If" in value:
        condition, then, otherwise = value["Fn::If"]
        return resolved(then if known[condition] else otherwise, known)
    items = ((key, resolved(item, known)) for key, item in value.items())
    return {key: item for key, item in items if item != ABSENT}


class EventBridge(unittest.TestCase):
    """On the account's default bus."""

    parameters = PARAMETERS
    bus = "default"

    @classmethod
    def setUpClass(cls):
        os.environ.update(
            AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_EC2_METADATA_DISABLED="true", NO_PROXY="127.0.0.1"
        )
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        host, port = cls.server.get_host_and_port()
        # What an earlier class created outlives its server.
        urllib.request.urlopen(f"http://{host}:{port}/moto-api/reset", data=b"").close()
        cls.client = staticmethod(
            lambda name: boto3.client(name, region_name=REGION, endpoint_url=f"http://{host}:{port}")
        )
        cls.template = yaml.load(TEMPLATE.read_text(), Tagged)
        cls.create()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def create(cls):
        defaults = {
            name: parameter["Default"] for name, parameter in cls.template["Parameters"].items() if "Default" in parameter
        }
        known = defaults | cls.parameters | ACCOUNT
        known |= {name: resolved(condition, known) for name, condition in cls.template["Conditions"].items()}
        resources = cls.template["Resources"]
        events = cls.client("events")
        if cls.bus != "default":
            events.create_event_bus(Name=cls.bus)
        connection = events.create_connection(**resolved(resources["Connection"]["Properties"], known))
        known["Connection.Arn"] = connection["ConnectionArn"]
        destination = events.create_api_destination(**resolved(resources["Destination"]["Properties"], known))
        cls.destination = known["Destination.Arn"] = destination["ApiDestinationArn"]
        rest = {name: resource for name, resource in resources.items() if name not in BY_API}
        arns = {name: value for name, value in known.items() if name.endswith(".Arn")}
        # The rest stays as it is written, but for the two ARNs.
        template = dict(cls.template, Resources=cls.with_arns(rest, arns))
        template["Outputs"] = cls.with_arns(cls.template["Outputs"], arns)
        formation = cls.client("cloudformation")
        formation.create_stack(
            StackName="webhooks",
            TemplateBody=json.dumps(template, default=str),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in cls.parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        stack = formation.describe_stacks(StackName="webhooks")["Stacks"][0]
        assert stack["StackStatus"] == "CREATE_COMPLETE", stack
        cls.outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        listed = formation.describe_stack_resources(StackName="webhooks")["StackResources"]
        cls.physical = {
            resource["LogicalResourceId"]: resource["PhysicalResourceId"]
            for resource in listed
            if "LogicalResourceId" in resource
        }
        queue_arn = cls.queue_arn(cls.outputs["DeadLettersUrl"])
        known |= {
            "Rule.Arn": cls.outputs["RuleArn"],
            "DeadLetters": cls.outputs["DeadLettersUrl"],
            "DeadLetters.Arn": queue_arn,
            "DeadLetters.QueueName": queue_arn.rsplit(":", 1)[1],
        }
        policy = resolved(resources["DeadLettersPolicy"]["Properties"], known)
        for url in policy["Queues"]:
            document = json.dumps(policy["PolicyDocument"])
            cls.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
        for alarm in ("DeadLettersAlarm", "FailuresAlarm"):
            cls.client("cloudwatch").put_metric_alarm(**resolved(resources[alarm]["Properties"], known))

    @classmethod
    def with_arns(cls, value, arns):
        if isinstance(value, list):
            return [cls.with_arns(item, arns) for item in value]
        if isinstance(value, dict):
            if "Fn::GetAtt" in value:
                return arns.get(".".join(value["Fn::GetAtt"]), value)
            return {key: cls.with_arns(item, arns) for key, item in value.items()}
        return value

    def test_the_linter_finds_nothing(self):
        linter = pathlib.Path(sys.executable).with_name("cfn-lint")
        command = [linter, "--non-zero-exit-code", "informational", TEMPLATE, NEWER]
        linted = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((linted.returncode, linted.stdout), (0, ""))

    def test_the_newer_bus_gets_the_same_by_a_subscriber(self):
        newer = yaml.load(NEWER.read_text(), Tagged)["Resources"]
        subscriber = newer["Subscriber"]["Properties"]
        [filtered] = subscriber["FilterConfiguration"]["Filters"]
        rule = self.template["Resources"]["Rule"]["Properties"]
        self.assertEqual(json.loads(filtered["Pattern"]), rule["EventPattern"])
        self.assertEqual(subscriber["RetryPolicy"], {"MaxEventAgeInSeconds": 86400, "MaxRetryAttempts": 185})
        self.assertEqual(subscriber["OnFailureConfiguration"]["Arn"], {"Fn::GetAtt": ["DeadLetters", "Arn"]})
        self.assertEqual(subscriber["InvokeConfiguration"]["TargetArn"], {"Fn::GetAtt": ["Destination", "Arn"]})
        for same in ("Connection", "Destination", "DeadLetters", "DeadLettersAlarm"):
            self.assertEqual(newer[same], self.template["Resources"][same], same)

    def test_the_connection_carries_the_key_in_its_header(self):
        connection = self.client("events").describe_connection(Name="spk-webhooks-stage")
        self.assertEqual(connection["AuthorizationType"], "API_KEY")
        self.assertEqual(connection["AuthParameters"]["ApiKeyAuthParameters"]["ApiKeyName"], "X-Events-Key")
        self.assertTrue(self.template["Parameters"]["EventsApiKey"]["NoEcho"])

    def test_the_destination_is_the_worker_of_the_environment(self):
        destination = self.client("events").describe_api_destination(Name="spk-webhooks-stage")
        self.assertEqual(destination["InvocationEndpoint"], URL)
        self.assertEqual((destination["HttpMethod"], destination["InvocationRateLimitPerSecond"]), ("POST", 300))

    def test_one_rule_hands_everything_to_it_for_a_day_and_keeps_the_rest(self):
        events = self.client("events")
        [rule] = events.list_rules(EventBusName=self.bus)["Rules"]
        self.assertEqual((rule["Name"], rule["State"]), (RULE, "ENABLED"))
        targets = events.list_targets_by_rule(Rule=rule["Name"], EventBusName=self.bus)["Targets"]
        [target] = [target for target in targets if target["Id"] == "webhook-delivery"]
        self.assertEqual(target["Arn"], self.destination)
        self.assertEqual(target["RetryPolicy"], {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185})
        self.assertEqual(target["DeadLetterConfig"], {"Arn": self.queue_arn(self.outputs["DeadLettersUrl"])})
        self.assertNotIn("InputTransformer", target)

    def test_the_role_may_call_the_destination_and_nothing_else(self):
        iam = self.client("iam")
        role = iam.get_role(RoleName=self.physical["Role"])["Role"]
        [trusted] = role["AssumeRolePolicyDocument"]["Statement"]
        self.assertEqual(trusted["Principal"], {"Service": "events.amazonaws.com"})
        self.assertEqual(
            trusted["Condition"],
            {
                "StringEquals": {"aws:SourceAccount": ACCOUNT["AWS::AccountId"]},
                "ArnEquals": {"aws:SourceArn": self.outputs["RuleArn"]},
            },
        )
        [name] = iam.list_role_policies(RoleName=self.physical["Role"])["PolicyNames"]
        policy = iam.get_role_policy(RoleName=self.physical["Role"], PolicyName=name)["PolicyDocument"]
        # moto gives it back as Python would print it, which YAML reads.
        [allowed] = (yaml.safe_load(policy) if isinstance(policy, str) else policy)["Statement"]
        self.assertEqual((allowed["Action"], allowed["Resource"]), ("events:InvokeApiDestination", self.destination))
        self.assertEqual(iam.list_attached_role_policies(RoleName=self.physical["Role"])["AttachedPolicies"], [])

    def test_only_the_rule_may_send_to_the_dead_letters(self):
        queue = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs["DeadLettersUrl"], AttributeNames=["All"])
        attributes = queue["Attributes"]
        self.assertEqual(attributes["MessageRetentionPeriod"], "1209600")
        [statement] = json.loads(attributes["Policy"])["Statement"]
        self.assertEqual((statement["Action"], statement["Resource"]), ("sqs:SendMessage", attributes["QueueArn"]))
        self.assertEqual(statement["Condition"], {"ArnEquals": {"aws:SourceArn": self.outputs["RuleArn"]}})

    def test_what_is_given_up_or_tried_again_raises_an_alarm(self):
        alarms = self.client("cloudwatch").describe_alarms()["MetricAlarms"]
        watched = {
            alarm["MetricName"]: {dimension["Name"]: dimension["Value"] for dimension in alarm["Dimensions"]}
            for alarm in alarms
        }
        bus = {} if self.bus == "default" else {"EventBusName": self.bus}
        queue = {"QueueName": "spk-webhooks-stage-dead-letters"}
        retries = {"RuleName": RULE} | bus
        self.assertEqual(watched, {"ApproximateNumberOfMessagesVisible": queue, "RetryInvocationAttempts": retries})
        for alarm in alarms:
            self.assertEqual(alarm["AlarmActions"], [TOPIC])

    def test_only_dev_may_do_without_a_topic(self):
        for template in (TEMPLATE, NEWER):
            [rule] = yaml.load(template.read_text(), Tagged)["Rules"].values()
            [assertion] = rule["Assertions"]
            for environment in ("dev", "nonprod", "stage", "prod"):
                known = {"Environment": environment, "AlarmTopic": ""}
                refused = resolved(rule["RuleCondition"], known) and not resolved(assertion["Assert"], known)
                self.assertEqual(refused, environment != "dev", environment)
                self.assertTrue(resolved(assertion["Assert"], known | {"AlarmTopic": TOPIC, "EventsUrl": URL}))
            self.assertIn("AlarmTopic is missing", assertion["AssertDescription"])

    def test_the_pattern_takes_the_two_sources_and_no_other(self):
        events, sqs = self.client("events"), self.client("sqs")
        url = sqs.create_queue(QueueName="probe")["QueueUrl"]
        probe = {"Id": "probe", "Arn": self.queue_arn(url)}
        events.put_targets(Rule=RULE, EventBusName=self.bus, Targets=[probe])
        matching = [
            ("spk.api", "KeyAdded", {"partnerId": "acme-corp"}),
            ("spk.api", "SomethingNew", {"partnerId": "acme-corp", "data": {"nested": [1, 2]}}),
            ("spk.iot.shadow", "Shadow Update", {"partnerId": "acme-corp"}),
            # Whether it names a partner is for the Worker to say: what it refuses ends in the dead-letter queue, seen.
            ("spk.api", "KeyAdded", {}),
        ]
        others = [
            ("spk.apis", "KeyAdded", {"partnerId": "acme-corp"}),
            ("spk", "KeyAdded", {"partnerId": "acme-corp"}),
            ("SPK.API", "KeyAdded", {"partnerId": "acme-corp"}),
            ("spk.iot", "Shadow Update", {"partnerId": "acme-corp"}),
            ("spk.webhooks", "Webhook Verification", {"partnerId": "acme-corp"}),
            ("partner.example", "KeyAdded", {"source": "spk.api"}),
        ]
        for source, kind, detail in matching + others:
            entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": self.bus}
            self.assertEqual(events.put_events(Entries=[entry])["FailedEntryCount"], 0)
        events.remove_targets(Rule=RULE, EventBusName=self.bus, Ids=["probe"])
        got = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                event = json.loads(message["Body"])
                got.append((event["source"], event["detail-type"], event["detail"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        order = lambda event: json.dumps(event)
        self.assertEqual(sorted(got, key=order), sorted(matching, key=order))

    def test_the_rule_and_the_worker_name_the_same_sources(self):
        worker = (HERE.parent / "shared/src/event/envelope.rs").read_text()
        for source in self.template["Resources"]["Rule"]["Properties"]["EventPattern"]["source"]:
            self.assertIn(f'"{source}"', worker)

    @classmethod
    def queue_arn(cls, url):
        return cls.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


class OnABusOfItsOwn(EventBridge):
    """On a bus of its own."""

    bus = "b2c-events"
    parameters = PARAMETERS | {"EventBusName": bus}


# Programs of the guide's command, as their documentation says: each notes its words, and `aws` fails for a bus or topic that is missing.
PROGRAMS = {
    "cargo": 'echo \'{"webhook-delivery": "https://events.example.com"}\'',
    "doppler": 'while [ "$1" != -- ]; do shift; done; shift; EVENTS_API_KEY=test-only-events-key exec "$@"',
    "aws": """echo "$*" >>"$CALLS"
case "$*" in
  *describe-event-bus*) [ "$MISSING" != bus ] || { echo "An error occurred (ResourceNotFoundException)" >&2; exit 254; } ;;
  *get-topic-attributes*) [ "$MISSING" != topic ] || { echo "An error occurred (NotFound)" >&2; exit 254; } ;;
  *cloudformation*) cat >"$CALLS.parameters" ;;
esac""",
}


class TheGuidesCommand(unittest.TestCase):
    def run_without(self, missing, change=lambda block: block):
        """Runs the guide's block without the bus, the topic or neither. Returns aws's calls, the parameters and the outcome."""
        block = change((HERE / "README.md").read_text().split("```sh\n")[1].split("```")[0])
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name, text in PROGRAMS.items():
                (folder / name).write_text(f"#!/usr/bin/env bash\n{text}\n")
                (folder / name).chmod(0o755)
            calls = folder / "calls"
            variables = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(calls), "MISSING": missing}
            block = block.replace("arn:aws:sns:<region>:<account>:<topic>", TOPIC)
            ended = subprocess.run(["bash", "-c", block], env=variables, capture_output=True, text=True)
            written = folder / "calls.parameters"
            parameters = json.loads(written.read_text()) if written.exists() else None
            return calls.read_text().splitlines(), parameters, ended.returncode

    def test_nothing_is_created_where_the_bus_or_the_topic_is_missing(self):
        for missing in ("bus", "topic"):
            calls, parameters, code = self.run_without(missing)
            self.assertNotEqual(code, 0, missing)
            self.assertFalse([call for call in calls if "cloudformation" in call], missing)
            self.assertIsNone(parameters, missing)

    def test_the_stack_gets_parameters_that_both_templates_have(self):
        calls, parameters, code = self.run_without("nothing")
        self.assertEqual(code, 0)
        self.assertIn("--template-file aws/eventbridge.yaml", calls[-1])
        expected = {"Environment": "stage", "EventsApiKey": "test-only-events-key", "AlarmTopic": TOPIC, "EventsUrl": URL}
        self.assertEqual(parameters, {"Parameters": expected})
        for template in (TEMPLATE, NEWER):
            known = yaml.load(template.read_text(), Tagged)["Parameters"]
            self.assertLessEqual(set(expected), set(known))
            required = {name for name, parameter in known.items() if "Default" not in parameter}
            self.assertLessEqual(required - {"EventBusArn"}, set(expected))
        self.assertEqual(self.required(TEMPLATE), set(expected) - {"AlarmTopic"})
        self.assertIn("EventBusName", yaml.load(TEMPLATE.read_text(), Tagged)["Parameters"])
        self.assertIn("EventBusArn", yaml.load(NEWER.read_text(), Tagged)["Parameters"])

    @staticmethod
    def required(template):
        known = yaml.load(template.read_text(), Tagged)["Parameters"]
        return {name for name, parameter in known.items() if "Default" not in parameter}

    def test_the_newer_bus_takes_the_changes_that_the_guide_names(self):
        guide = (HERE / "README.md").read_text().replace("\n", " ")
        leave_out, name, put = re.search(
            r"leave out `([^`]+)`, name `([^`]+)`, and put `EventBusArn: ([^`]+)` beside", guide
        ).groups()

        def change(block):
            self.assertIn(leave_out, block)
            block = block.replace(f"{leave_out} --name default && ", "").replace("aws/eventbridge.yaml", name)
            return block.replace('Environment: "stage"', f'Environment: "stage", EventBusArn: {put}')

        calls, parameters, code = self.run_without("bus", change)
        self.assertEqual(code, 0)
        self.assertIn(f"--template-file {name}", calls[-1])
        self.assertEqual(self.required(HERE.parent / name), set(parameters["Parameters"]) - {"AlarmTopic"})


if __name__ == "__main__":
    unittest.main()
