"""A plugin for pytest: moto's tests in server mode, with OpsBus as the server.

With OPSBUS_MOTO_LISTS the outcomes are compared with the lists there: `passing.txt`, one test a line, and
`not-passing.txt`, a pattern of tests and the reason a line.
"""

import fnmatch
import os
import pathlib
import urllib.request

from botocore.httpsession import URLLib3Session
from moto.core.models import ServerModeMockAWS

outcomes = {}
# Tests that call nothing are about moto itself.
calls = {}
current = None


def reset(self):
    request = urllib.request.Request(
        os.environ["OPSBUS_ENDPOINT"] + "/_opsbus/reset", method="POST",
        headers={"X-OpsBus-Reset-Token": os.environ["OPSBUS_RESET_TOKEN"]})
    urllib.request.urlopen(request, timeout=30).close()


ServerModeMockAWS.reset = reset
send = URLLib3Session.send


def counted(self, request):
    calls[current] = calls.get(current, 0) + 1
    return send(self, request)


URLLib3Session.send = counted


def pytest_runtest_logstart(nodeid, location):
    global current
    current = nodeid


def pytest_runtest_logreport(report):
    if report.outcome != "passed" or report.when == "call":
        outcomes[report.nodeid] = "failed" if report.outcome == "failed" else outcomes.get(report.nodeid, report.outcome)


def pytest_sessionfinish(session, exitstatus):
    directory = os.environ.get("OPSBUS_MOTO_LISTS")
    if not directory:
        return
    lines = lambda name: [
        line for line in (pathlib.Path(directory) / name).read_text().splitlines() if line and not line.startswith("#")]
    passing = set(lines("passing.txt"))
    excused = [line.split("  ", 1)[0].strip() for line in lines("not-passing.txt")]
    passed = {name for name, outcome in outcomes.items() if outcome == "passed" and calls.get(name)}
    # A reason may be given for all tests of a file: brackets are part of a name, not of a pattern.
    is_excused = lambda name: any(fnmatch.fnmatchcase(name, text.replace("[", "[[]")) for text in excused)
    problems = [f"does not pass: {name}" for name in sorted(passing - passed)]
    problems += [
        f"fails without a reason: {name}" for name, outcome in sorted(outcomes.items())
        if outcome == "failed" and name not in passing and not is_excused(name) and calls.get(name)]
    print(f"\n{len(passed)} of {sum(1 for name in outcomes if calls.get(name))} that call a service pass")
    for problem in problems:
        print(problem)
    # Some of these depend on how soon a test looks.
    for name in sorted(passed - passing):
        print(f"not listed as passing: {name}")
    session.exitstatus = 1 if problems else 0
