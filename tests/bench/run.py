#!/usr/bin/env python3
"""Runs the bench: the bridge beside a bare relay, interleaved, in rounds; medians. Table on stdout, progress on
stderr, every figure in bench.json, plots beside it.

Usage: run.py BIN_DIR OUT_DIR PROFILE [--quick] [--realtime]
"""
import json
import pathlib
import statistics
import subprocess
import sys
import time

import machine
import plot
import start

SIDES = ("bridge", "relay")
LATE_MS = 5  # callers that are later than this themselves measure a busy machine
STOLEN_PERCENT = 1  # of the machine's time, by its host: measures the host
REALTIME = ["--realtime"] if "--realtime" in sys.argv[4:] else []
FIGURES = {  # of which the ratio to the relay is told
    "cpu": "cpuMsPerCallMinute",
    "in50": "callerToEngineP50Ms", "in99": "callerToEngineP99Ms",
    "out50": "firstAudioP50Ms", "out99": "firstAudioP99Ms",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def load(bin_dir, side, calls, tls, *options, seconds=3):
    program = "media-bridge" if side == "bridge" else "bridge_relay"
    command = [f"{bin_dir}/bridge_bench", "--calls", str(calls), "--seconds", str(seconds), *options, *REALTIME]
    command += (["--tls"] if tls else []) + (["--relay"] if side == "relay" else []) + [f"{bin_dir}/{program}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}")
    return json.loads(done.stdout)


def rounds_of(bin_dir, plan, rounds, seconds):
    """All points of a round before the next one, bridge and relay one after the other."""
    runs = {point: {side: [] for side in SIDES} for point in plan}
    for r in range(rounds):
        for tls, calls in plan:
            for side in SIDES if r % 2 == 0 else SIDES[::-1]:
                say(f"round {r + 1} of {rounds}: {calls} calls, {'TLS' if tls else 'plain'}, {side}")
                runs[tls, calls][side].append(load(bin_dir, side, calls, tls, seconds=seconds))
    return runs


def median(runs, figure):
    return statistics.median(run[figure] for run in runs)


def ratio(sides, figure):
    """Of runs that stood beside each other, so that what disturbed one most likely disturbed the other."""
    pairs = [(b[figure], r[figure]) for b, r in zip(sides["bridge"], sides["relay"]) if r[figure] > 0]
    return statistics.median(b / r for b, r in pairs) if pairs else 0


def point_of(tls, calls, sides):
    point = {"tls": tls, "calls": calls}
    for side in SIDES:
        point[side] = {figure: median(sides[side], figure) for figure in sides[side][0]}
        for figure in ("framesSent", "framesLost", "underruns", "underrunsTold"):
            point[side][figure] = sum(run[figure] for run in sides[side])
    runs = sides["bridge"] + sides["relay"]
    point["disturbed"] = median(runs, "callersLateP99Ms") > LATE_MS or median(runs, "stolenPercent") > STOLEN_PERCENT
    point["ratio"] = {figure: ratio(sides, name) for figure, name in FIGURES.items()}
    return point


def table(points):
    yield (f"{'':10} {'CPU ms a call-minute':>21} {'caller → engine p50 ms':>23} {'p99 ms':>23} {'first audio p50 ms':>23} "
           f"{'p99 ms':>23} {'lost':>5} {'under-':>6} {'KiB a call':>13}")
    yield (f"{'calls':>10} {'bridge  relay ratio':>21}" + f" {'bridge   relay ratio':>23}" * 4 +
           f" {'':>5} {'runs':>6} {'bridge relay':>13}")
    for p in points:
        row = f"{p['calls']:4} {'TLS' if p['tls'] else 'plain':5}"
        for key, name in FIGURES.items():
            b, r = p["bridge"][name], p["relay"][name]
            row += f" {b:8.1f} {r:6.1f} {p['ratio'][key]:5.2f}" if key == "cpu" else \
                   f" {b:9.3f} {r:7.3f} {p['ratio'][key]:5.2f}"
        row += f" {p['bridge']['framesLost']:5} {p['bridge']['underruns'] + p['bridge']['underrunsTold']:6}"
        yield row + f" {p['bridge']['kibPerCall']:7.0f} {p['relay']['kibPerCall']:5.0f}" + (" *" if p["disturbed"] else "")


def top_of(points):
    return max((p for p in points if p["tls"]), key=lambda p: p["calls"])


def goals(points, others):
    top = top_of(points)
    at = f"{top['calls']} calls, TLS"
    return [
        ("CPU a call-minute ÷ relay's", at, top["ratio"]["cpu"], 1.25),
        ("caller → engine p99 ÷ relay's", at, top["ratio"]["in99"], 1.5),
        ("frames lost", "all runs", sum(p["bridge"]["framesLost"] for p in points), 0),
        ("underruns", "all runs", sum(p["bridge"]["underruns"] + p["bridge"]["underrunsTold"] for p in points), 0),
        ("KiB a call", at, top["bridge"]["kibPerCall"], 60),
        ("exec → first TwiML, ms", "median", others["start"]["twimlMs"], 3),
        ("speech_started → clear, p99 ms", f"{others['bargeIn']['calls']} calls, TLS", others["bargeIn"]["clearP99Ms"], 1),
        ("frames lost in a handshake of 300 ms", f"{others['handshake']['calls']} calls, TLS",
         others["handshake"]["framesLost"], 0),
    ]


def other_figures(bin_dir, profile, quick):
    say("start")
    result = {"start": start.measure(f"{bin_dir}/twiml-webhook", f"{bin_dir}/media-bridge", f"{bin_dir}/bare_server",
                                     profile, 5 if quick else 100)}
    say("barge-in at 100 calls")
    runs = [load(bin_dir, "bridge", 100, True, "--barge-in") for _ in range(1 if quick else 3)]
    result["bargeIn"] = {"calls": 100, "clears": sum(r["clears"] for r in runs),
                         "clearP50Ms": median(runs, "clearP50Ms"), "clearP99Ms": median(runs, "clearP99Ms")}
    say("handshake of 300 ms")
    result["handshake"] = load(bin_dir, "bridge", 20, True, "--handshake-ms", "300")
    say("voice activity detection")
    result["vad"] = json.loads(subprocess.run([f"{bin_dir}/vad_bench"], stdout=subprocess.PIPE, check=True).stdout)
    return result


def tell(points, others):
    print(f"machine, one byte there and back: p50 {others['machine'][0]['p50Ms']} ms, p99 "
          f"{others['machine'][0]['p99Ms']} ms before, {others['machine'][1]['p99Ms']} ms after\n")
    print("\n".join(table(points)))
    if any(p["disturbed"] for p in points):
        print(f"* the callers themselves were late (p99 beyond {LATE_MS} ms), or the host took more than {STOLEN_PERCENT} % of "
              "the machine's time: it is busy with other things")
    idle = points[-1]["bridge"]["idleKib"] / 1024
    s, v, b = others["start"], others["vad"], others["bargeIn"]
    print(f"\nidle {idle:.1f} MiB; exec → first TwiML {s['twimlMs']} ms (p95 {s['twimlP95Ms']}, min {s['twimlMinMs']}), → first "
          f"accepted stream {s['streamMs']} ms (p95 {s['streamP95Ms']}, min {s['streamMinMs']}), bare server {s['bareMs']} ms")
    print(f"speech_started → clear at {b['calls']} calls: p50 {b['clearP50Ms']} ms, p99 {b['clearP99Ms']} ms "
          f"({b['clears']} of them)")
    print(f"handshake of 300 ms: {others['handshake']['framesSent']} frames sent, "
          f"{others['handshake']['framesLost']} lost")
    print(f"voice activity detection: {v['silenceNs']} ns a frame of silence, {v['speechNs']} of speech, "
          f"{v['speechOverAgentNs']} of speech over the agent\n")
    if top_of(points)["disturbed"]:
        print("the point that the ratios below come from was disturbed (*): they say nothing")
    for what, where, value, limit in goals(points, others):
        print(f"{'reached' if value <= limit else 'MISSED ':8} {what} ({where}): {value:.3g}, goal {limit}")


def main():
    bin_dir, out_dir, profile = sys.argv[1:4]
    quick = "--quick" in sys.argv[4:]
    sizes = (1, 100) if quick else (1, 10, 100, 400)
    plan = [(tls, calls) for calls in sizes for tls in (False, True)]
    began = time.monotonic()
    before = machine.measure(50 if quick else 250)
    runs = rounds_of(bin_dir, plan, 1 if quick else 3, 1 if quick else 3)
    points = sorted((point_of(tls, calls, sides) for (tls, calls), sides in runs.items()),
                    key=lambda p: (p["tls"], p["calls"]))
    others = other_figures(bin_dir, profile, quick)
    others["machine"] = [before, machine.measure(50 if quick else 250)]
    out = pathlib.Path(out_dir)
    out.mkdir(parents=True, exist_ok=True)
    document = {"points": points, **others,
                "goals": [dict(zip(("what", "where", "value", "limit"), g)) for g in goals(points, others)],
                "runs": [{"tls": tls, "calls": calls, **sides} for (tls, calls), sides in runs.items()]}
    (out / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    for name, title, figure in (("latency", "caller → engine", "callerToEngine"),
                                ("first-audio", "engine → caller, first audio", "firstAudio")):
        panels = [(f"{title}, {'TLS' if tls else 'plain'}, ms",
                   {p["calls"]: {side: {q: p[side][f"{figure}{q}Ms"] for q in ("P50", "P99")} for side in SIDES}
                    for p in points if p["tls"] == tls}) for tls in (False, True)]
        (out / f"{name}.svg").write_text(plot.svg(panels))
    tell(points, others)
    say(f"{time.monotonic() - began:.0f} s; {out / 'bench.json'}, {out / 'latency.svg'}, {out / 'first-audio.svg'}")


main()
