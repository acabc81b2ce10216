"""Run Command as boto3 and aws-cli use it, unmodified: sends commands to a node and checks what comes back.

    run_commands.py ENDPOINT NODE [S3-ENDPOINT]
"""
import json
import os
import subprocess
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, WaiterError

from checks import check, refused

ENDPOINT, NODE = sys.argv[1:3]
S3 = sys.argv[3] if len(sys.argv) > 3 else None
CREDENTIALS = dict(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")


def client(name, endpoint=ENDPOINT):
    return boto3.client(name, endpoint_url=endpoint, config=Config(retries={"max_attempts": 0}), **CREDENTIALS)


ssm = client("ssm")
FAST = {"Delay": 1, "MaxAttempts": 30}


def send(commands, **more):
    arguments = dict(DocumentName="AWS-RunShellScript", Parameters={"commands": commands})
    if "Targets" not in more:
        arguments["InstanceIds"] = [NODE]
    return ssm.send_command(**{**arguments, **more})["Command"]


def executed(command):
    ssm.get_waiter("command_executed").wait(CommandId=command["CommandId"], InstanceId=NODE, WaiterConfig=FAST)
    return ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=NODE)


def eventually(look, *what):
    for _ in range(200):
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise SystemExit(f"did not happen: {what}")


def the_main_path():
    command = send(["echo hello", "echo oh >&2"], Comment="from boto3", TimeoutSeconds=60)
    check(command["Status"] == "Pending" and command["InstanceIds"] == [NODE], command)
    result = executed(command)
    check(result["StandardOutputContent"] == "hello\n" and result["StandardErrorContent"] == "oh\n", result)
    check(result["ResponseCode"] == 0 and result["ExecutionElapsedTime"].startswith("PT"), result)
    listed = ssm.list_commands(CommandId=command["CommandId"])["Commands"][0]
    check(listed["Status"] == "Success" and listed["CompletedCount"] == 1 and listed["ErrorCount"] == 0, listed)
    details = ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)["CommandInvocations"][0]
    plugin = details["CommandPlugins"][0]
    check(plugin["Output"] == "hello\n\n----------ERROR-------\noh\n", plugin)
    found = ssm.list_commands(Filters=[{"key": "Status", "value": "Success"},
                                       {"key": "InvokedAfter", "value": "2020-01-01T00:00:00Z"}])["Commands"]
    check(command["CommandId"] in [each["CommandId"] for each in found], found)
    check(executed(send(["echo both"], Targets=[], InstanceIds=[NODE]))["StandardOutputContent"] == "both\n")


def failures():
    command = send(["echo no; exit 3"])
    try:
        executed(command)
        raise SystemExit("a failed command was waited for")
    except WaiterError:
        pass
    result = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=NODE)
    check(result["Status"] == "Failed" and result["ResponseCode"] == 3, result)
    unknown = "mi-ffffffffffffffff0"
    refused("InvalidInstanceId", send, commands=["true"], InstanceIds=[unknown])
    refused("DuplicateInstanceId", send, commands=["true"], InstanceIds=[NODE, NODE])
    refused("InvalidDocument", send, commands=["true"], DocumentName="No-Such")
    refused("InvalidParameters", ssm.send_command, DocumentName="AWS-RunShellScript", InstanceIds=[NODE],
            Parameters={"comands": ["true"]})
    refused("InvalidNotificationConfig", send, commands=["true"], NotificationConfig={"NotificationArn": "x"})
    nothing = "00000000-0000-0000-0000-000000000000"
    refused("InvalidCommandId", ssm.list_commands, CommandId=nothing)
    refused("InvocationDoesNotExist", ssm.get_command_invocation, CommandId=command["CommandId"], InstanceId=unknown)
    refused("InvocationDoesNotExist", ssm.get_command_invocation, CommandId=nothing, InstanceId=NODE)
    refused("InvalidPluginName", ssm.get_command_invocation, CommandId=command["CommandId"], InstanceId=NODE,
            PluginName="nothing")
    refused("InvalidTarget", send, commands=["true"], Targets=[{"Key": "resource-groups:Name", "Values": ["none"]}])


def cancelling():
    command = send(["sleep 300 & sleep 300"])
    eventually(lambda: ssm.list_commands(CommandId=command["CommandId"])["Commands"][0]["Status"] == "InProgress",
               "in progress")
    ssm.cancel_command(CommandId=command["CommandId"])
    result = eventually(
        lambda: [each for each in [ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=NODE)]
                 if each["Status"] == "Cancelled"], "cancelled")
    check(result[0]["StatusDetails"] == "Cancelled", result)


def targets():
    ssm.add_tags_to_resource(ResourceType="ManagedInstance", ResourceId=NODE, Tags=[{"Key": "env", "Value": "prod"}])
    groups = client("resource-groups")
    query = {"ResourceTypeFilters": ["AWS::AllSupported"], "TagFilters": [{"Key": "env", "Values": ["prod", "test"]}]}
    group = groups.create_group(Name="web", Description="the web nodes", Tags={"team": "ops"},
                                ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": json.dumps(query)})
    arn = group["Group"]["GroupArn"]
    members = groups.list_group_resources(Group="web")["ResourceIdentifiers"]
    check([each["ResourceArn"].endswith(NODE) for each in members] == [True], members)
    check(json.loads(groups.get_group_query(Group=arn)["GroupQuery"]["ResourceQuery"]["Query"]) == query)
    groups.tag(Arn=arn, Tags={"more": "yes"})
    groups.untag(Arn=arn, Keys=["team"])
    check(groups.get_tags(Arn=arn)["Tags"] == {"more": "yes"})
    for key, value in [("tag:env", "prod"), ("tag-key", "env"), ("resource-groups:Name", "web")]:
        command = send(["echo " + key], Targets=[{"Key": key, "Values": [value]}])
        check(command["TargetCount"] == 1, key, command)
        check(executed(command)["StandardOutputContent"] == key + "\n", key)
    groups.update_group_query(Group="web", ResourceQuery={
        "Type": "TAG_FILTERS_1_0",
        "Query": json.dumps({"ResourceTypeFilters": ["AWS::SSM::ManagedInstance"],
                             "TagFilters": [{"Key": "env", "Values": ["none"]}]})})
    nobody = send(["true"], Targets=[{"Key": "resource-groups:Name", "Values": ["web"]}])
    check(nobody["StatusDetails"] == "NoInstancesInTag" and nobody["TargetCount"] == 0, nobody)
    check([each["GroupName"] for each in groups.list_groups()["GroupIdentifiers"]] == ["web"])
    groups.delete_group(Group="web")
    refused("NotFoundException", groups.get_group, Group="web")
    refused("BadRequestException", groups.create_group, Name="bad",
            ResourceQuery={"Type": "TAG_FILTERS_1_0", "Query": "no JSON"})


def destinations():
    topic = client("sns").create_topic(Name="news")["TopicArn"]
    arguments = dict(
        CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/runs"},
        NotificationConfig={"NotificationArn": topic, "NotificationEvents": ["All"], "NotificationType": "Invocation"},
        ServiceRoleArn="arn:aws:iam::123456789012:role/notify")
    if S3:
        arguments.update(OutputS3BucketName="outputs", OutputS3KeyPrefix="daily")
        store = client("s3", S3)
        store.create_bucket(Bucket="outputs")
    command = send(["seq 1 20000", "printf end"], **arguments)
    executed(command)
    stream = f"{command['CommandId']}/{NODE}/"
    logs = client("logs")

    def lines():
        try:
            streams = logs.describe_log_streams(logGroupName="/runs")["logStreams"]
        except ClientError:
            return None
        if not streams:
            return None
        check(streams[0]["logStreamName"].startswith(stream), streams)
        events = logs.get_log_events(logGroupName="/runs", logStreamName=streams[0]["logStreamName"],
                                     startFromHead=False, limit=1)["events"]
        return events and events[-1]["message"] == "end"

    eventually(lines, "the last line in the log group")
    if S3:
        def stored():
            found = store.list_objects_v2(Bucket="outputs").get("Contents", [])
            return [each["Key"] for each in found if each["Key"].endswith("/stdout")]

        key = eventually(stored, "an object in the bucket")[0]
        folder = f"daily/{command['CommandId']}/{NODE}/awsrunShellScript/0.awsrunShellScript"
        check(key == f"{folder}/stdout", key)
        content = store.get_object(Bucket="outputs", Key=key)["Body"].read().decode()
        check(content == "".join(f"{number}\n" for number in range(1, 20001)) + "end", len(content))
        result = ssm.get_command_invocation(CommandId=command["CommandId"], InstanceId=NODE)
        check(result["StandardOutputUrl"] == f"{S3}/outputs/{key}", result)
    print("told", command["CommandId"])


def nodes():
    found = ssm.describe_instance_information(
        Filters=[{"Key": "InstanceIds", "Values": [NODE]}])["InstanceInformationList"]
    check(len(found) == 1 and found[0]["PingStatus"] == "Online", found)
    ssm.update_managed_instance_role(InstanceId=NODE, IamRole="other")
    older = ssm.describe_instance_information(
        InstanceInformationFilterList=[{"key": "IamRole", "valueSet": ["other"]}])["InstanceInformationList"]
    check([each["InstanceId"] for each in older] == [NODE], older)
    properties = ssm.describe_instance_properties(FiltersWithOperator=[
        {"Key": "PlatformTypes", "Values": ["Windows"], "Operator": "NotEqual"}])["InstanceProperties"]
    check(NODE in [each["InstanceId"] for each in properties], properties)
    refused("InvalidFilterKey", ssm.describe_instance_information, Filters=[{"Key": "Colour", "Values": ["red"]}])
    refused("InvalidInstanceInformationFilterValue", ssm.describe_instance_information,
            Filters=[{"Key": "PingStatus", "Values": ["Asleep"]}])
    activation = ssm.create_activation(IamRole="nodes", RegistrationLimit=2, Description="test",
                                       Tags=[{"Key": "a", "Value": "b"}])
    check(len(activation["ActivationCode"]) >= 20)
    listed = ssm.describe_activations(
        Filters=[{"FilterKey": "ActivationIds", "FilterValues": [activation["ActivationId"]]}])["ActivationList"]
    check(listed[0]["RegistrationLimit"] == 2 and not listed[0]["Expired"], listed)
    ssm.delete_activation(ActivationId=activation["ActivationId"])
    refused("InvalidActivationId", ssm.delete_activation, ActivationId=activation["ActivationId"])
    refused("InvalidInstanceId", ssm.deregister_managed_instance, InstanceId="mi-ffffffffffffffff0")


def aws_cli():
    environment = dict(os.environ, AWS_ENDPOINT_URL=ENDPOINT, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test",
                       AWS_DEFAULT_REGION="us-east-1", AWS_PAGER="")

    def aws(*words):
        program = os.path.join(os.path.dirname(sys.executable), "aws")
        done = subprocess.run([sys.executable, program, *words], env=environment, capture_output=True, text=True)
        check(done.returncode == 0, words, done.stderr)
        return done.stdout.strip()

    command = aws("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--targets",
                  f"Key=InstanceIds,Values={NODE}", "--parameters", "commands=echo cli", "--query",
                  "Command.CommandId", "--output", "text")
    aws("ssm", "wait", "command-executed", "--command-id", command, "--instance-id", NODE)
    output = aws("ssm", "get-command-invocation", "--command-id", command, "--instance-id", NODE, "--query",
                 "StandardOutputContent", "--output", "text")
    check(output == "cli", output)


for part in [the_main_path, failures, cancelling, targets, destinations, nodes, aws_cli]:
    part()
    print("done", part.__name__, flush=True)
