"""Compares the operations of a server with the service models of botocore.

    main.py ENDPOINT [PREFIX…] [--reset-token TOKEN] [--list] [--exceptions FILE]

For every operation the server answers (whose name begins with one of the prefixes, such as `events:` or `ssm:PutP`):
the smallest and the fullest valid input must be taken, or be refused for what they mean and not for their form; an input
that breaks one constraint of the model must be refused as invalid, and a value of another type as such; every answer must be readable by botocore and of the
types that the model says. Prints each failure once per operation, member and kind; exits 1 if there is any.

Exceptions are lines `OPERATION MEMBER.PATH KIND  reason`; `*` stands for anything. Those that nothing needs are named.
"""

import argparse
import collections
import fnmatch
import pathlib
import re
import sys
import time

import botocore.session

from values import Cannot, Maker, shown
from wire import Client

# Operations of one service in the order in which they find something to work on.
ORDER = ["Create", "Register", "Put", "Add", "Start", "Send", "Subscribe", "Publish", "Tag"]
LAST = ["Update", "Cancel", "Stop", "Disassociate", "Untag", "Remove", "Deregister", "Unsubscribe", "Delete", "Purge"]
INVALID = {
    "ValidationException", "ValidationError", "SerializationException", "MalformedInput", "InvalidParameter",
    "InvalidParameterException", "InvalidParameterValue", "ParameterValueInvalid", "InvalidAttributeName",
    "InvalidAttributeValue", "BadRequestException", "InvalidParameterValueException",
}
# What all services say of a value of another type, before they look at any constraint.
OF_ANOTHER_TYPE = {"SerializationException", "MalformedInput"}
# An answer that speaks of an input's form, and so must not come to a valid one.
FORM = re.compile(
    r"validation errors? detected|failed to satisfy constraint|Unknown member|(must be|is not) (a|an) \w+|The (body|form) is not|SerializationException")


def rank(name):
    action = name.split(":")[1]
    for number, verb in enumerate(ORDER):
        if action.startswith(verb):
            return number
    for number, verb in enumerate(LAST):
        if action.startswith(verb):
            return 200 + number
    return 100


class Exceptions:
    def __init__(self, path):
        self.lines = []
        for line in pathlib.Path(path).read_text().splitlines() if path else []:
            if line.strip() and not line.startswith("#"):
                operation, member, kind = line.split("  ")[0].split(" ", 2)
                self.lines.append((operation, member, kind.strip(), line))
        self.used = set()

    def cover(self, operation, member, kind):
        for line in self.lines:
            if all(fnmatch.fnmatchcase(text, pattern) for text, pattern in zip((operation, member, kind), line)):
                self.used.add(line)
                return True
        return False


class Run:
    def __init__(self, client, exceptions):
        self.client = client
        self.exceptions = exceptions
        self.cases = collections.Counter()
        self.failures = {}
        self.untried = []

    def fail(self, name, path, kind, text):
        place = ".".join(path) or "-"
        if not self.exceptions.cover(name, place, kind):
            self.failures.setdefault((name, place, kind), text)

    def operation(self, name, service):
        operation = service.operation_model(name.split(":")[1])
        maker = Maker(service.service_name, operation.name)
        shape = operation.input_shape
        try:
            smallest = maker.value(shape) if shape else {}
        except Cannot as reason:
            self.untried.append(f"{name}: {reason}")
            return
        for kind, full in (("smallest", False), ("fullest", True)):
            value = maker.value(shape, full) if shape else {}
            answer = self.call(name, service, operation, value, [], kind)
            # There may be no such thing on one's own machines; that is said whatever the input.
            if answer.code.startswith("UnsupportedOperation"):
                return
            if answer.status >= 500 or answer.code.startswith(("UnknownOperation", "InvalidAction")):
                self.fail(name, [], kind, f"{answer.status} {answer.code} {answer.message} for {shown(value)}")
            elif answer.status >= 300 and FORM.search(answer.code + " " + answer.message):
                self.fail(name, [], kind, f"{answer.code} {answer.message} for {shown(value)}")
        if not shape:
            return
        query = service.metadata["protocol"] == "query"
        for path, kind, value in maker.violations(shape, smallest):
            if not sayable(operation, path, kind, value, query):
                continue
            answer = self.call(name, service, operation, value, path, kind)
            if answer.status < 300 or answer.status >= 500:
                self.fail(name, path, kind, f"{answer.status} for {shown(value)}")
            elif "is not supported" in answer.message:
                continue  # whatever it holds
            elif kind == "wrong type" and answer.code not in OF_ANOTHER_TYPE:
                self.fail(name, path, kind, f"{answer.code} {answer.message} for {shown(value)}")
            elif answer.code not in INVALID and not FORM.search(answer.message):
                self.fail(name, path, kind, f"{answer.code} {answer.message} for {shown(value)}")

    def call(self, name, service, operation, value, path, kind):
        self.cases[name.split(":")[0]] += 1
        answer = self.client.call(service, operation, value)
        for problem in answer.problems:
            self.fail(name, path, f"{kind}: answer", f"{problem} for {shown(value)}")
        return answer


def sayable(operation, path, kind, value, query):
    """Whether a violation can be written in the protocol at all."""
    member = operation.input_shape.members[path[0]]
    location = member.serialization.get("location")
    if path[0] == operation.input_shape.serialization.get("payload") and kind == "wrong type":
        return False  # the body is its bytes, whatever they are
    if location == "uri" and (kind in ("missing", "wrong type") or value.get(path[0]) == ""):
        return False
    if location in ("querystring", "header") and kind == "wrong type" and not isinstance(value[path[0]], str):
        return False
    if location == "querystring" and kind == "wrong type" and member.type_name in ("string", "list", "map"):
        return False
    if not query:
        return True
    # All values of a form are texts, and an empty list or map is no parameter.
    if kind == "wrong type":
        shape = leaf(operation.input_shape, path)
        return shape.type_name in ("integer", "long", "boolean", "blob") and isinstance(at(value, path), str)
    return kind != "too short" or at(value, path) not in ([], {})


def leaf(shape, path):
    for name in path:
        if name == "element":
            shape = shape.member if shape.type_name == "list" else shape.value
        elif name == "key":
            shape = shape.key
        else:
            while shape.type_name in ("list", "map"):
                shape = shape.member if shape.type_name == "list" else shape.value
            shape = shape.members[name]
    return shape


def at(value, path):
    for name in path:
        if isinstance(value, list) and value:
            value = value[0]
        if name == "element":
            continue
        if isinstance(value, dict):
            value = value.get(name, next(iter(value.values()), None))
    return value[0] if isinstance(value, list) and path[-1] == "element" else value


def main():
    options = argparse.ArgumentParser(usage=__doc__)
    options.add_argument("endpoint")
    options.add_argument("prefix", nargs="*")
    options.add_argument("--reset-token")
    options.add_argument("--exceptions")
    options.add_argument("--list", action="store_true", help="only names what would be tried")
    arguments = options.parse_args()
    client = Client(arguments.endpoint)
    names = [item["Name"] for item in client.own("opsbus:ListOperations", {})["Operations"]]
    session = botocore.session.Session()
    known = set(session.get_available_services())
    services, chosen = {}, []
    for name in names:
        model, action = name.split(":")
        if arguments.prefix and not any(name.startswith(prefix) for prefix in arguments.prefix) or model not in known:
            continue
        if model not in services:
            services[model] = session.get_service_model(model)
        if action in services[model].operation_names:
            chosen.append(name)
    chosen.sort(key=lambda name: (name.split(":")[0], rank(name), name))
    if arguments.list:
        print("\n".join(chosen))
        return 0
    run = Run(client, Exceptions(arguments.exceptions))
    began = time.monotonic()
    for name in chosen:
        run.operation(name, services[name.split(":")[0]])
        if arguments.reset_token and name.split(":")[1].startswith("Delete"):
            client.send("POST", "/_opsbus/reset", {"X-OpsBus-Reset-Token": arguments.reset_token}, None)
    for (name, place, kind), text in sorted(run.failures.items()):
        print(f"{name} {place} {kind}  {text}")
    for line in run.untried:
        print(f"not tried: {line}")
    if not arguments.prefix:
        for line in run.exceptions.lines:
            if line not in run.exceptions.used:
                print(f"an exception that nothing needs: {line[3]}")
    print(
        f"{len(chosen)} operations, {sum(run.cases.values())} cases in {time.monotonic() - began:.1f} s "
        f"({', '.join(f'{service} {count}' for service, count in sorted(run.cases.items()))}): "
        f"{len(run.failures)} failures", file=sys.stderr)
    return 1 if run.failures else 0


sys.exit(main())
