"""Parameter Store as boto3 and aws-cli use it, unmodified, and the documents that refer to it.

    parameters.py ENDPOINT NODE
"""
import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import WaiterError

from checks import check, refused

ENDPOINT, NODE = sys.argv[1:3]
CREDENTIALS = dict(region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
ssm = boto3.client("ssm", endpoint_url=ENDPOINT, config=Config(retries={"max_attempts": 0}), **CREDENTIALS)
FAST = {"Delay": 1, "MaxAttempts": 30}


def run(document="AWS-RunShellScript", **parameters):
    sent = ssm.send_command(DocumentName=document, InstanceIds=[NODE], Parameters=parameters)["Command"]
    check(sent["Parameters"] == parameters, sent)
    try:
        ssm.get_waiter("command_executed").wait(
            CommandId=sent["CommandId"], InstanceId=NODE, WaiterConfig=FAST)
    except WaiterError:
        pass  # It failed, which the caller looks at.
    return ssm.get_command_invocation(CommandId=sent["CommandId"], InstanceId=NODE)


def store():
    check(ssm.put_parameter(Name="/web/greeting", Value="hello", Type="String")["Version"] == 1)
    check(ssm.put_parameter(Name="/web/greeting", Value="good morning", Overwrite=True)["Version"] == 2)
    ssm.label_parameter_version(Name="/web/greeting", ParameterVersion=1, Labels=["first"])
    ssm.put_parameter(Name="/web/hosts", Value="echo one,echo two", Type="StringList")
    ssm.put_parameter(Name="/web/password", Value="pass-4711", Type="SecureString")
    sealed = ssm.get_parameter(Name="/web/password")["Parameter"]["Value"]
    check("4711" not in sealed, sealed)
    check(ssm.get_parameter(Name="/web/password", WithDecryption=True)["Parameter"]["Value"] == "pass-4711")
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path="/web", Recursive=True, PaginationConfig={"PageSize": 1})
    check([p["Name"] for page in pages for p in page["Parameters"]] == [
        "/web/greeting", "/web/hosts", "/web/password"])
    refused("ParameterNotFound", ssm.get_parameter, Name="/web/nothing")
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    shown = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "aws"), "--endpoint-url", ENDPOINT, "--region", "us-east-1",
         "ssm", "get-parameter", "--name", "/web/greeting:first", "--query", "Parameter.Value", "--output", "text"],
        env=environment, capture_output=True, text=True)
    check(shown.stdout == "hello\n", shown)


def refer():
    ended = run(commands=["echo '{{ssm:/web/greeting}}, {{ ssm:/web/greeting:first }}'", "{{ssm:/web/hosts}}"])
    check(ended["StandardOutputContent"] == "good morning, hello\none\ntwo\n", ended)
    ended = run(commands=["echo started", "echo {{ssm:/web/nothing}}"])
    check(ended["Status"] == "Failed" and "started" not in ended["StandardOutputContent"], ended)
    check("Input contains invalid parameters [/web/nothing]" in ended["StandardErrorContent"], ended)
    ended = run(commands=["echo {{ssm:/web/password}}"])
    check(ended["Status"] == "Failed" and "SecureString" in ended["StandardErrorContent"], ended)
    # A document without arguments refers by the default of a parameter, in a way that runs nothing of the value.
    ssm.put_parameter(Name="/web/evil", Value="$(touch /nowhere) `id` \"'", Type="String")
    ssm.create_document(
        Name="Greet", DocumentType="Command",
        Content=json.dumps({
            "schemaVersion": "2.2",
            "parameters": {
                "word": {"type": "String", "default": "{{ ssm:/web/evil }}", "interpolationType": "ENV_VAR"}},
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "greet", "inputs": {"runCommand": ['echo "{{ word }}"']}}],
        }))
    ended = run("Greet")
    check(ended["StandardOutputContent"] == "$(touch /nowhere) `id` \"'\n", ended)


class Guarded(http.server.BaseHTTPRequestHandler):
    """Answers who knows the user and the password."""

    def do_GET(self):
        wanted = "Basic " + base64.b64encode(b"reader:pass-4711").decode()
        allowed = self.headers["Authorization"] == wanted
        self.send_response(200 if allowed else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


def refer_to_secrets():
    server = http.server.HTTPServer(("127.0.0.1", 0), Guarded)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ssm.create_document(
        Name="Fetch", DocumentType="Command",
        Content=json.dumps({
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:downloadContent", "name": "fetch", "inputs": {
                    "sourceType": "HTTP", "destinationPath": "fetched",
                    "sourceInfo": {
                        "url": f"http://127.0.0.1:{server.server_port}/guarded", "authMethod": "Basic", "username": "reader",
                        "password": "{{ssm-secure:/web/password}}", "allowInsecureDownload": "true"}}},
            ],
        }))
    ended = run("Fetch")
    check(ended["Status"] == "Success", ended)
    refused(
        "InvalidDocumentContent", ssm.create_document, Name="Leak", DocumentType="Command",
        Content=json.dumps({
            "schemaVersion": "2.2",
            "mainSteps": [
                {"action": "aws:runShellScript", "name": "leak",
                 "inputs": {"runCommand": ["echo {{ssm-secure:/web/password}}"]}}],
        }))


def runbook():
    ssm.create_document(
        Name="Wait", DocumentType="Automation",
        Content=json.dumps({
            "schemaVersion": "0.3",
            "parameters": {"greeting": {"type": "String", "default": "{{ssm:/web/greeting}}"}},
            "mainSteps": [
                {"name": "say", "action": "aws:executeScript", "inputs": {
                    "Runtime": "python3", "Handler": "say", "InputPayload": {"text": "{{ greeting }}"},
                    "Script": "def say(events, context):\n    return {'said': events['text'].upper()}"},
                 "outputs": [{"Name": "said", "Selector": "$.Payload.said", "Type": "String"}]}],
        }))
    started = ssm.start_automation_execution(DocumentName="Wait")["AutomationExecutionId"]
    for _ in range(300):
        execution = ssm.get_automation_execution(AutomationExecutionId=started)["AutomationExecution"]
        if execution["AutomationExecutionStatus"] not in ("Pending", "InProgress"):
            break
        time.sleep(0.1)
    check(execution["AutomationExecutionStatus"] == "Success", execution)
    check(execution["StepExecutions"][0]["Outputs"]["said"] == ["GOOD MORNING"], execution)
    refused(
        "InvalidAutomationExecutionParametersException", ssm.start_automation_execution, DocumentName="Wait",
        Parameters={"greeting": ["{{ssm:/web/nothing}}"]})


store()
refer()
refer_to_secrets()
runbook()
