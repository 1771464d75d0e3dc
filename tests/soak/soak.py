"""soak.py BIN OUT MINUTES [CALLS] [SECONDS]: the bridge under CALLS calls of SECONDS each, again and again in one
process; fails when its memory or its descriptors grow. Writes OUT/soak.json and OUT/soak.svg."""
import json
import pathlib
import subprocess
import sys
import time
import urllib.request

WARM = 2  # rounds in which pools and caches fill
# What each round of 100 calls may add. The heap in use, after the calls, is what would leak: less than the struct of
# one call. Resident memory is its high-water mark, with the holes between, and settles within ten rounds or so.
HEAP_KIB_A_ROUND = 16.0
RESIDENT_KIB_A_ROUND = 512.0
DESCRIPTORS_A_ROUND = 0.2
SETTLE_SECONDS = 1
WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 640, 220, 64, 34, 16, 40
COLOURS = {"busy": "#2563eb", "idle": "#9a9a9a", "heap": "#2563eb"}


def rounds(bin_dir, calls, seconds, count):
    """The figures of each round, as they come."""
    command = [f"{bin_dir}/bridge_bench", "--calls", str(calls), "--seconds", str(seconds), "--rounds", str(count),
               f"{bin_dir}/media-bridge"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        heap = 0
        for line in bench.stdout:
            told = json.loads(line)
            if "idle" in told:
                heap = heap_kib(told["port"])
            else:
                yield {**told, "heapKib": heap}
    if bench.returncode:
        sys.exit(f"soak: bridge_bench ended with {bench.returncode}")


def heap_kib(port):
    """What the bridge has allocated when its calls are over."""
    time.sleep(SETTLE_SECONDS)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats", timeout=10) as answer:
        stats = json.load(answer)
    if stats["calls"] or stats["eventsWaiting"]:
        sys.exit(f"soak: the bridge is not idle after its calls: {stats}")
    return stats["heapBytes"] / 1024


def slope(values):
    """Theil and Sen: the median of the slopes of all pairs, which a single odd round does not move."""
    pairs = sorted((values[j] - values[i]) / (j - i) for i in range(len(values)) for j in range(i + 1, len(values)))
    middle = len(pairs) // 2
    return pairs[middle] if len(pairs) % 2 else (pairs[middle - 1] + pairs[middle]) / 2


def panel(title, found, names, unit, at_y):
    series = {name: [r[name + unit] for r in found] for name in names}
    low, high = min(map(min, series.values())) * 0.9, max(map(max, series.values())) * 1.1

    def x(i):
        return LEFT + i / max(len(found) - 1, 1) * (WIDTH - LEFT - RIGHT)

    def y(value):
        return at_y + TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<text x="{LEFT}" y="{at_y + 20}" font-weight="bold">{title}</text>']
    for value in (low, (low + high) / 2, high):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" '
                   f'stroke="#dddddd"/><text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.0f}</text>')
    for i, (name, colour) in enumerate((name, COLOURS[name]) for name in names):
        at = " ".join(f"{x(n):.1f},{y(v):.1f}" for n, v in enumerate(series[name]))
        out.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{WIDTH - RIGHT - 120 + 60 * i}" y="{at_y + 20}" fill="{colour}">{name}</text>')
    out.append(f'<text x="{WIDTH / 2}" y="{at_y + HEIGHT - 8}" text-anchor="middle">rounds</text>')
    return out


def svg(found):
    body = panel("heap in use after the calls, KiB", found, ["heap"], "Kib", 0)
    body += panel("resident memory, KiB", found, ["busy", "idle"], "Kib", HEIGHT)
    body += panel("descriptors", found, ["busy", "idle"], "Descriptors", 2 * HEIGHT)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{3 * HEIGHT}" '
            f'font-family="sans-serif" font-size="12" fill="#222222">\n'
            f'<rect width="{WIDTH}" height="{3 * HEIGHT}" fill="#ffffff"/>\n' + "\n".join(body) + "\n</svg>\n")


def main():
    bin_dir, out, minutes = sys.argv[1], pathlib.Path(sys.argv[2]), float(sys.argv[3])
    calls, seconds = (int(text) for text in (sys.argv[4:6] or ("100", "60")))
    count = max(round(minutes * 60 / seconds), WARM + 3)
    found = []
    print(f"soak: {count} rounds of {calls} calls, {seconds} s each")
    for r in rounds(bin_dir, calls, seconds, count):
        found.append(r)
        print(f"  round {r['round'] + 1}: {r['callsEnded']} calls ended; memory {r['busyKib']} KiB with calls, "
              f"{r['idleKib']} after, {r['heapKib']:.0f} in use; descriptors {r['busyDescriptors']}, {r['idleDescriptors']}", flush=True)
    limits = {"heapKib": HEAP_KIB_A_ROUND, "busyKib": RESIDENT_KIB_A_ROUND, "idleKib": RESIDENT_KIB_A_ROUND,
              "busyDescriptors": DESCRIPTORS_A_ROUND, "idleDescriptors": DESCRIPTORS_A_ROUND}
    last = found[max(WARM, len(found) // 2 - 1):]
    slopes = {name: slope([r[name] for r in last]) for name in limits}
    out.mkdir(parents=True, exist_ok=True)
    (out / "soak.json").write_text(json.dumps({"rounds": found, "slopesPerRound": slopes, "limits": limits}, indent=1))
    (out / "soak.svg").write_text(svg(found))
    growing = [name for name in limits if slopes[name] > limits[name]]
    lost = sum(r["calls"] - r["callsEnded"] for r in found)
    for name, value in slopes.items():
        print(f"soak: {name} {value:+.2f} a round (at most {limits[name]:+.2f}){'  GROWS' if name in growing else ''}")
    print(f"soak: {'not flat' if growing else 'flat'}, {lost} calls not on record; {out / 'soak.json'}, {out / 'soak.svg'}")
    return 1 if growing or lost else 0


if __name__ == "__main__":
    sys.exit(main())
