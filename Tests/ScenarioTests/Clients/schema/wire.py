"""Sends inputs as they are, valid or not, in the protocol of a service, and reads the answers as botocore does."""

import base64
import datetime
import http.client
import json
import urllib.parse
import xml.etree.ElementTree as tree

import botocore.parsers


class Answer:
    def __init__(self, status, headers, body, parsed, problems):
        self.status = status
        self.headers = headers
        self.body = body
        self.parsed = parsed
        self.problems = problems

    @property
    def code(self):
        return self.parsed.get("Error", {}).get("Code", "") if self.status >= 300 else ""

    @property
    def message(self):
        return self.parsed.get("Error", {}).get("Message", "") if self.status >= 300 else ""


class Client:
    """One connection, kept."""

    def __init__(self, endpoint):
        parts = urllib.parse.urlsplit(endpoint)
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def send(self, method, target, headers, body):
        for attempt in (1, 2):
            try:
                self.connection.request(method, target, body=body, headers=headers)
                answer = self.connection.getresponse()
                return answer.status, dict(answer.getheaders()), answer.read()
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.connection.close()
                if attempt == 2:
                    raise

    def own(self, operation, body):
        status, _, answer = self.send(
            "POST", "/", {"X-Amz-Target": f"OpsBus.{operation}", "Content-Type": "application/x-amz-json-1.1"},
            json.dumps(body))
        if status != 200:
            raise SystemExit(f"{operation}: {status} {answer.decode()}")
        return json.loads(answer)

    def call(self, service, operation, value):
        """Calls an operation of a botocore service model."""
        meta = service.metadata
        protocol = meta["protocol"] if meta["protocol"] in ("json", "query", "rest-json") else "json"
        headers = {
            "Authorization": "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/"
            f"{service.signing_name}/aws4_request, SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
            "X-Amz-Date": "20240101T000000Z",
        }
        if protocol == "json":
            headers["Content-Type"] = f"application/x-amz-json-{meta['jsonVersion']}"
            headers["X-Amz-Target"] = f"{meta['targetPrefix']}.{operation.name}"
            request = "POST", "/", json.dumps(value)
        elif protocol == "query":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=utf-8"
            form = {"Action": operation.name, "Version": meta["apiVersion"]}
            if operation.input_shape:
                flatten(form, "", value, operation.input_shape)
            request = "POST", "/", urllib.parse.urlencode(form)
        else:
            request = rest(operation, value, headers)
        status, answer_headers, body = self.send(request[0], request[1], headers, request[2])
        parsed, problems = parse(protocol, status, answer_headers, body, operation.output_shape)
        return Answer(status, answer_headers, body, parsed, problems)


def flatten(form, prefix, value, shape):
    """The Query protocol's spelling; what is not of the shape goes as text."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        for name, member in value.items():
            inner = shape.members[name]
            flatten(form, f"{prefix}.{inner.serialization.get('name', name)}" if prefix else
                    inner.serialization.get("name", name), member, inner)
    elif kind == "list" and isinstance(value, list):
        if not value:
            form[prefix] = ""
        middle = "" if shape.serialization.get("flattened") else "." + shape.member.serialization.get("name", "member")
        for number, item in enumerate(value, 1):
            flatten(form, f"{prefix}{middle}.{number}", item, shape.member)
    elif kind == "map" and isinstance(value, dict):
        key, content = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
        middle = "" if shape.serialization.get("flattened") else ".entry"
        for number, (name, item) in enumerate(value.items(), 1):
            form[f"{prefix}{middle}.{number}.{key}"] = name
            flatten(form, f"{prefix}{middle}.{number}.{content}", item, shape.value)
    elif isinstance(value, bool):
        form[prefix] = "true" if value else "false"
    elif kind == "timestamp" and isinstance(value, int):
        form[prefix] = datetime.datetime.fromtimestamp(value, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        form[prefix] = value if isinstance(value, str) else json.dumps(value)


def rest(operation, value, headers):
    path = operation.http["requestUri"]
    query, body = [], {}
    for name, member in value.items():
        shape = operation.input_shape.members.get(name)
        location = shape.serialization.get("location") if shape else None
        wire = shape.serialization.get("name", name) if shape else name
        text = member if isinstance(member, str) else json.dumps(member)
        if location == "uri":
            path = path.replace("{" + wire + "}", urllib.parse.quote(text, safe=""))
        elif location == "querystring":
            query.extend((wire, item) for item in (member if isinstance(member, list) else [text]))
        elif location == "header":
            headers[wire] = text
        else:
            body[wire] = member
    headers["Content-Type"] = "application/json"
    if query:
        path += "?" + urllib.parse.urlencode(query)
    method = operation.http["method"]
    return method, path, None if method == "GET" else json.dumps(body)


def parse(protocol, status, headers, body, shape):
    """Botocore's reading of an answer, and what is not as the shape says."""
    problems = []
    if not any(name.lower() == "x-amzn-requestid" for name in headers):
        problems.append("no x-amzn-RequestId")
    answer = {"status_code": status, "headers": botocore.parsers.NO_INITIAL_RESPONSE and _folded(headers)
              if hasattr(botocore.parsers, "NO_INITIAL_RESPONSE") else _folded(headers), "body": body}
    try:
        parsed = botocore.parsers.create_parser(protocol).parse(answer, shape)
    except botocore.parsers.ResponseParserError as error:
        return {}, [*problems, f"botocore cannot read it: {error}"]
    if status < 300 and shape is not None:
        if protocol == "query":
            root = tree.fromstring(body)
            namespace = root.tag[: root.tag.index("}") + 1] if root.tag.startswith("{") else ""
            wrapper = shape.serialization.get("resultWrapper")
            if wrapper and shape.members and root.find(namespace + wrapper) is None:
                problems.append(f"no {wrapper}")
            problems.extend(required(parsed, shape, "output"))
        else:
            problems.extend(check(json.loads(body or b"{}"), shape, "output"))
    return parsed, problems


def _folded(headers):
    from botocore.awsrequest import HeadersDict

    return HeadersDict(headers)


def check(value, shape, place):
    """What of a JSON value is not as the shape says: clients in typed languages fail on it."""
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            return [f"{place} is no object: {value!r}"]
        problems = [f"{place}.{name} is missing" for name in shape.required_members
                    if shape.members[name].serialization.get("name", name) not in value]
        for name, member in shape.members.items():
            wire = member.serialization.get("name", name)
            if wire not in value or member.serialization.get("location"):
                continue
            if value[wire] is None:
                problems.append(f"{place}.{name} is null")
            else:
                problems.extend(check(value[wire], member, f"{place}.{name}"))
        return problems
    if kind == "list":
        if not isinstance(value, list):
            return [f"{place} is no list: {value!r}"]
        return [problem for number, item in enumerate(value) for problem in check(item, shape.member, f"{place}[{number}]")]
    if kind == "map":
        if not isinstance(value, dict):
            return [f"{place} is no map: {value!r}"]
        return [problem for name, item in value.items() for problem in check(item, shape.value, f"{place}.{name}")]
    if kind == "string":
        if not isinstance(value, str):
            return [f"{place} is no string: {value!r}"]
        return [f"{place} is not of the enum: {value!r}"] if shape.enum and value not in shape.enum else []
    if kind == "blob":
        try:
            base64.b64decode(value, validate=True)
            return []
        except (ValueError, TypeError):
            return [f"{place} is no base64: {value!r}"]
    if kind == "boolean":
        return [] if isinstance(value, bool) else [f"{place} is no boolean: {value!r}"]
    if kind == "timestamp" and shape.serialization.get("timestampFormat", "unixTimestamp") == "iso8601":
        return [] if isinstance(value, str) else [f"{place} is no ISO 8601 text: {value!r}"]
    if kind in ("integer", "long"):
        return [] if isinstance(value, int) and not isinstance(value, bool) else [f"{place} is no integer: {value!r}"]
    if kind in ("float", "double", "timestamp"):
        return [] if isinstance(value, (int, float)) and not isinstance(value, bool) else [f"{place} is no number: {value!r}"]
    return []


def required(parsed, shape, place):
    return [f"{place}.{name} is missing" for name in shape.required_members if name not in parsed]
