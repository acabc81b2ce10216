"""Uses documents and plugins as a client of AWS does. documents.py ENDPOINT NODE S3-ENDPOINT DIRECTORY"""
import hashlib
import io
import json
import os
import sys
import tarfile
import time
import urllib.request

import boto3

endpoint, node, s3_endpoint, directory = sys.argv[1:]
keys = dict(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
ssm = boto3.client("ssm", endpoint_url=endpoint, **keys)
s3 = boto3.client("s3", endpoint_url=s3_endpoint, **keys)


def step(action, name, **inputs):
    return {"action": action, "name": name, "inputs": inputs}


def create(name, *steps, **more):
    content = json.dumps({"schemaVersion": "2.2", "mainSteps": steps, **more})
    return ssm.create_document(Name=name, Content=content, DocumentType="Command")["DocumentDescription"]


def run(document, parameters={}):
    """Sends a command, waits for its end, and answers its status and each step's outputs."""
    command = ssm.send_command(DocumentName=document, InstanceIds=[node], Parameters=parameters)["Command"]["CommandId"]
    end = time.time() + 60
    while time.time() < end:
        found = ssm.list_command_invocations(CommandId=command, InstanceId=node, Details=True)["CommandInvocations"]
        if found and found[0]["Status"] not in ("Pending", "InProgress", "Delayed"):
            outputs = {}
            for plugin in found[0]["CommandPlugins"]:
                shown = ssm.get_command_invocation(CommandId=command, InstanceId=node, PluginName=plugin["Name"])
                outputs[plugin["Name"]] = (shown["StandardOutputContent"], shown["StandardErrorContent"])
            return found[0]["Status"], outputs
        time.sleep(0.05)
    raise SystemExit(f"{document} did not end")


def check(found, expected):
    assert found == expected, f"{found!r} is not {expected!r}"


# A document through its versions, as aws-cli users keep it.
made = create("Greet", step("aws:runShellScript", "greet", runCommand=["echo hello {{ who }}"]),
              parameters={"who": {"type": "String", "default": "world"}})
check((made["DocumentVersion"], made["PlatformTypes"]), ("1", ["Linux", "MacOS"]))
check(run("Greet"), ("Success", {"greet": ("hello world\n", "")}))
changed = ssm.get_document(Name="Greet")["Content"].replace("hello", "goodbye")
ssm.update_document(Name="Greet", Content=changed, DocumentVersion="$LATEST", VersionName="bye")
check(run("Greet", {"who": ["you"]})[1]["greet"][0], "hello you\n")
ssm.update_document_default_version(Name="Greet", DocumentVersion="2")
check(run("Greet", {"who": ["you"]})[1]["greet"][0], "goodbye you\n")
check([v["VersionName"] for v in ssm.list_document_versions(Name="Greet")["DocumentVersions"] if "VersionName" in v], ["bye"])
check(hashlib.sha256(changed.encode()).hexdigest(), ssm.describe_document(Name="Greet")["Document"]["Hash"])

# The built-in documents by the names that users know.
check(run("AWS-RunShellScript", {"commands": ["echo one", "exit 3"]}), ("Failed", {"aws:runShellScript": ("one\n", "")}))
source = {"sourceType": ["SSMDocument"], "sourceInfo": [json.dumps({"name": "Greet"})]}
status, outputs = run("AWS-RunDocument", {**source, "documentParameters": [json.dumps({"who": "all"})]})
check((status, outputs["runDocument"][0]), ("Success", "goodbye all\n"))
status, outputs = run("AWS-GatherSoftwareInventory")
assert status == "Success" and "AWS:Application" in outputs["collectSoftwareInventoryItems"][0], outputs
try:
    run("AWS-RunPatchBaseline", {"Operation": ["Scan"]})
    raise SystemExit("Patch Manager is there")
except ssm.exceptions.ClientError as error:
    assert "Patch Manager" in str(error), error

topic = boto3.client("sns", endpoint_url=endpoint, **keys).create_topic(Name="told")["TopicArn"]
execution = ssm.start_automation_execution(
    DocumentName="AWS-PublishSNSNotification", Parameters={"TopicArn": [topic], "Message": ["done"]})
end = time.time() + 60
while time.time() < end:
    shown = ssm.get_automation_execution(AutomationExecutionId=execution["AutomationExecutionId"])["AutomationExecution"]
    if shown["AutomationExecutionStatus"] not in ("Pending", "InProgress"):
        break
    time.sleep(0.05)
check(shown["AutomationExecutionStatus"], "Success")

# Content from a server that speaks S3: an object, and all under a prefix.
s3.create_bucket(Bucket="content")
for key in ("run.sh", "tree/a b.txt", "tree/deep/c.txt"):
    s3.put_object(Bucket="content", Key=key, Body=f"echo {key}\n".encode())
create("Fetch",
       step("aws:downloadContent", "object", sourceType="S3", sourceInfo={"path": "s3://content/run.sh"}),
       step("aws:downloadContent", "prefix", sourceType="S3", sourceInfo={"path": "s3://content/tree"}, destinationPath="t/"),
       step("aws:downloadContent", "none", sourceType="S3", sourceInfo={"path": "s3://content/nothing"}),
       step("aws:runShellScript", "show", runCommand=["sh run.sh; find t -type f | sort"], workingDirectory="."))
status, outputs = run("Fetch")
check(status, "Failed")
check(outputs["show"][0], "run.sh\nt/a b.txt\nt/deep/c.txt\n")
assert "there is no object nothing" in outputs["none"][1], outputs["none"]

s3.put_object(Bucket="content", Key="script.sh", Body=b"#!/bin/sh\necho script $1\n")
source = {"sourceType": ["S3"], "sourceInfo": [json.dumps({"path": "s3://content/script.sh"})]}
status, outputs = run("AWS-RunRemoteScript", {**source, "commandLine": ["script.sh one"]})
check((status, outputs["runShellScript"][0]), ("Success", "script one\n"))

# A package whose archive the server keeps, installed and uninstalled on the node.
archive = io.BytesIO()
with tarfile.open(fileobj=archive, mode="w:gz") as tar:
    for name, text in (("install.sh", f"touch {directory}/installed"), ("uninstall.sh", f"rm {directory}/installed")):
        entry = tarfile.TarInfo(name)
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text.encode()))
s3.put_object(Bucket="content", Key="demo.tar.gz", Body=archive.getvalue())
manifest = {
    "schemaVersion": "2.0", "version": "1.0",
    "packages": {"_any": {"_any": {"_any": {"file": "demo.tar.gz"}}}},
    "files": {"demo.tar.gz": {"checksums": {"sha256": hashlib.sha256(archive.getvalue()).hexdigest()}}},
}
ssm.create_document(Name="Demo", Content=json.dumps(manifest), DocumentType="Package",
                    Attachments=[{"Key": "SourceUrl", "Values": ["s3://content"]}])
for action in ("Install", "Uninstall"):
    status, outputs = run("AWS-ConfigureAWSPackage", {"action": [action], "name": ["Demo"]})
    check((status, os.path.exists(f"{directory}/installed")), ("Success", action == "Install"))

shown = ssm.get_document(Name="Demo")["AttachmentsContent"][0]
with urllib.request.urlopen(shown["Url"]) as answer:
    check(hashlib.sha256(answer.read()).hexdigest(), shown["Hash"])

# Who is told what of a document.
ssm.add_tags_to_resource(ResourceType="Document", ResourceId="Greet", Tags=[{"Key": "team", "Value": "a"}])
found = ssm.list_documents(Filters=[{"Key": "tag:team", "Values": ["a"]}])["DocumentIdentifiers"]
check([d["Name"] for d in found], ["Greet"])
ssm.modify_document_permission(Name="Greet", PermissionType="Share", AccountIdsToAdd=["111111111111"])
try:
    ssm.delete_document(Name="Greet")
    raise SystemExit("a shared document was deleted")
except ssm.exceptions.InvalidDocumentOperation:
    pass
ssm.modify_document_permission(Name="Greet", PermissionType="Share", AccountIdsToRemove=["111111111111"])
ssm.delete_document(Name="Greet")
print("done")
