"""What every judge uses: named cases, a local-cloud of its own, Node programs, the record.

A case fails by AssertionError (its text is shown), is skipped by raising Skip, and passes by returning."""
import atexit
import collections
import contextlib
import glob
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import urllib.request

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("VC_JUDGES_BUILD", SOURCE / "build/dev"))
RECORDS = pathlib.Path(os.environ.get("VC_JUDGES_RECORDS", SOURCE / "build/asan/records"))
ENV = pathlib.Path(os.environ["VC_JUDGES"])
START_SECONDS = 20

Case = collections.namedtuple("Case", "module name function")
cases = []
lookers = []  # each takes the record of a case's local-cloud and returns findings
_running = []
_lock = threading.Lock()


class Skip(Exception):
    """Why a case could not be judged here."""


def case(name):
    """Registers a function as a case; `name` is a sentence about one behaviour."""

    def register(function):
        cases.append(Case(function.__module__, name, function))
        return function

    return register


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def no_findings(findings, most=20):
    """Fails with the first findings when there are any."""
    findings = list(findings)
    if findings:
        rest = f"\n… and {len(findings) - most} more" if len(findings) > most else ""
        raise AssertionError("\n".join(findings[:most]) + rest)


# --- the record ---------------------------------------------------------------------------------


def record():
    """Every entry that `local-cloud --record` wrote in the end-to-end suite, as dicts (docs/local-cloud.md
    describes them). Skips when there is none."""
    paths = sorted(glob.glob(str(RECORDS / "*.jsonl")))
    if not paths:
        raise Skip(f"no record in {RECORDS}; the end-to-end suite writes it (make test)")
    for path in paths:
        with open(path, encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                entry = json.loads(line)
                entry["where"] = f"{os.path.basename(path)}:{number}"
                yield entry


# --- our server ---------------------------------------------------------------------------------


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class LocalCloud:
    """A local-cloud on a free port, without our six services. `record` is its record so far."""

    def __init__(self, env):
        self.folder = tempfile.mkdtemp(prefix="judge-")
        self.record_path = os.path.join(self.folder, "record.jsonl")
        self.log_path = os.path.join(self.folder, "log.jsonl")
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"
        settings = {
            "PORT": str(self.port),
            "BUSINESS_PROFILE": str(SOURCE / "evals/profiles/clinic.yaml"),
            "LOCAL_RECORD": self.record_path,
        }
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [str(BUILD / "bin/local-cloud")],
                env={**os.environ, **settings, **env},
                cwd=SOURCE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        with _lock:
            _running.append(self)
        self._wait_until_it_listens()

    def _wait_until_it_listens(self):
        for _ in range(START_SECONDS * 50):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                break
        raise AssertionError("local-cloud did not start:\n" + self.log)

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as text:
            return text.read()

    @property
    def record(self):
        with open(self.record_path, encoding="utf-8") as lines:
            return [json.loads(line) for line in lines]

    def get(self, path, **headers):
        """The body of a GET, as text."""
        request = urllib.request.Request(self.origin + path, headers=headers)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return code


@contextlib.contextmanager
def local_cloud(**env):
    """One for a case; its exit code is judged, too (sanitizers speak through it), and its record."""
    cloud = LocalCloud(env)
    try:
        yield cloud
        entries = cloud.record
    finally:
        with _lock:
            _running.remove(cloud)
        code = cloud.stop()
    check(code == 0, f"local-cloud ended with {code}")
    for look in lookers:
        no_findings(look(entries))


# --- Node ---------------------------------------------------------------------------------------


def node(program, *args, seconds=60, **env):
    """Runs a program of this folder with the installed packages. It prints `ok NAME` or `not ok NAME: why` for
    each of its checks and ends with 0; returns how many were ok."""
    # Modules are looked up beside the program, so it runs from a copy beside the packages.
    folder = ENV / "programs"
    folder.mkdir(exist_ok=True)
    copy = folder / f"{os.getpid()}-{threading.get_ident()}-{program}"
    shutil.copyfile(SOURCE / "tests/judges" / program, copy)
    try:
        done = subprocess.run(
            [str(ENV / "bin/node"), str(copy), *args],
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds,
            text=True,
        )
    finally:
        copy.unlink()
    bad = [line for line in done.stdout.splitlines() if line.startswith("not ok ")]
    good = [line for line in done.stdout.splitlines() if line.startswith("ok ")]
    check(not bad, "\n".join(bad))
    check(done.returncode == 0, f"{program} ended with {done.returncode}:\n{done.stdout[-4000:]}")
    check(good, f"{program} checked nothing:\n{done.stdout[-4000:]}")
    return len(good)


@atexit.register
def stop_everything():
    with _lock:
        for cloud in _running:
            cloud.stop()
        _running.clear()
