"""local-cloud's Google modules under their own tests, whose every exchange is on record: what they answer
there, to right and wrong requests of all kinds, is held against Google's documents as well."""
import collections
import json
import os
import subprocess
import tempfile

import google_schema
import judge
import routing
from judge import case, check

TESTS_SECONDS = 300
# The tests ask wrong things on purpose, and are refused. These are wrong by the documents and yet answered,
# as Google answers them.
ANSWERED = [
    ("unknown parameter $alt", "Google's clients send it"),
    (" is none of ", "enums may be numbers"),
    ("google-fieldmask", "a mask may name fields in snake case"),
    ("/storage/v1 is missing", "Google's Node client leaves it out when it is given an emulator"),
]


def records_of(program):
    """What a test program put on record. Without a PATH it finds no java, and so asks no emulator."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(judge.BUILD / "bin" / program)],
                              env={**os.environ, "TEST_RECORDS": folder, "PATH": "/nonexistent"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TESTS_SECONDS)
        check(done.returncode == 0, f"{program} ended with {done.returncode}: {done.stdout[-2000:]}")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    yield {**json.loads(line), "where": f"{name}:{number}"}


def is_push(entry):
    return google_schema.called(entry) == "push"


def of_modules(entry, finding):
    """Whether a finding is about what our modules said: answers, and what they push."""
    text = finding.split(": ", 2)[2]
    return is_push(entry) if entry["side"] == "client" else text.startswith(("answer", "error"))


def accepted(entry, finding):
    """Whether what is wrong with the request should have been refused."""
    status = (entry.get("answer") or {}).get("status", 0)
    known = any(text in finding for text, _why in ANSWERED)
    return entry["side"] == "server" and 200 <= status < 300 and not known


def judge_tests(program, methods_min, refused_min):
    found, called = [], collections.Counter()
    for entry in records_of(program):
        if routing.owner(entry) != "google":  # the tests' own receiver of pushes
            continue
        called[google_schema.called(entry), (entry.get("answer") or {}).get("status")] += 1
        for finding in google_schema.findings(entry):
            if of_modules(entry, finding):
                found.append(finding)
            elif accepted(entry, finding):
                found.append(finding + " (and was answered nevertheless)")
    judge.no_findings(found)
    methods = {name for name, _status in called}
    refused = {name for name, status in called if (status or 0) >= 400}
    check(len(methods) >= methods_min, f"only {len(methods)} methods on record: {sorted(methods)}")
    check(len(refused) >= refused_min, f"only {len(refused)} methods refused anything: {sorted(refused)}")


@case("what local-cloud's Google modules answer under their tests is as Google answers")
def module_tests():
    judge_tests("local_cloud_google_test", 30, 10)


@case("what they answer to the contract suite is, too")
def contract_tests():
    judge_tests("contract_test", 20, 10)
