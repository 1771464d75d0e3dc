"""local-cloud's Google modules under their own tests, whose every exchange is on record: what they answer
there, to right and wrong requests of all kinds, is held against Google's documents as well."""
import json
import os
import subprocess
import tempfile

import google_schema
import judge
import routing
from judge import case, check

TESTS_SECONDS = 300


def records_of(program):
    """What a test program put on record. Without a PATH it finds no java, and so asks no emulator."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(judge.BUILD / "bin" / program)],
                              env={**os.environ, "TEST_RECORDS": folder, "PATH": "/nonexistent"},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=TESTS_SECONDS)
        said = done.stdout.decode(errors="replace")
        check(done.returncode == 0, f"{program} ended with {done.returncode}:\n{said[-2000:]}")
        for name in sorted(os.listdir(folder)):
            with open(os.path.join(folder, name), encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    yield {**json.loads(line), "where": f"{name}:{number}"}


def judge_tests(program, methods_min, refused_min):
    entries = [entry for entry in records_of(program) if routing.owner(entry) == "google"]
    judge.no_findings(google_schema.server_findings(entries))
    methods = {google_schema.called(entry) for entry in entries}
    refused = {google_schema.called(e) for e in entries if e["answer"] and e["answer"]["status"] >= 400}
    check(len(methods) >= methods_min, f"only {len(methods)} methods on record: {sorted(methods)}")
    check(len(refused) >= refused_min, f"only {len(refused)} methods refused anything: {sorted(refused)}")


@case("what local-cloud's Google modules answer under their tests is as Google answers")
def module_tests():
    judge_tests("local_cloud_google_test", 30, 10)


@case("what they answer to the contract suite is, too")
def contract_tests():
    judge_tests("contract_test", 12, 6)
