"""Latency against the number of calls as SVG, both axes logarithmic."""
import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 460, 300, 56, 40, 16, 44
LINES = [("bridge", "P50", "#2563eb", ""), ("relay", "P50", "#9a9a9a", ""),
         ("bridge", "P99", "#2563eb", "6 4"), ("relay", "P99", "#9a9a9a", "6 4")]


def panel(title, points, at_x):
    """points: {calls: {"bridge": {"P50": ms, ...}, "relay": {...}}}"""
    calls = sorted(points)
    values = [v for n in calls for side in points[n].values() for v in side.values() if v > 0]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    span = max(math.log10(calls[-1]) - math.log10(calls[0]), 1e-9)

    def x(n):
        return at_x + LEFT + (math.log10(n) - math.log10(calls[0])) / span * (WIDTH - LEFT - RIGHT)

    def y(ms):
        return TOP + (high - math.log10(max(ms, 10 ** low))) / (high - low) * (HEIGHT - TOP - BOTTOM)

    out = [f'<text x="{at_x + LEFT}" y="22" font-weight="bold">{title}</text>']
    for decade in range(low, high + 1):
        out.append(f'<line x1="{x(calls[0]):.1f}" x2="{x(calls[-1]):.1f}" y1="{y(10 ** decade):.1f}" '
                   f'y2="{y(10 ** decade):.1f}" stroke="#dddddd"/>')
        out.append(f'<text x="{at_x + LEFT - 8}" y="{y(10 ** decade) + 4:.1f}" text-anchor="end">'
                   f'{10.0 ** decade:g}</text>')
    for n in calls:
        out.append(f'<text x="{x(n):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{n}</text>')
    for side, which, colour, dash in LINES:
        at = " ".join(f"{x(n):.1f},{y(points[n][side][which]):.1f}" for n in calls)
        out.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="2" '
                   f'stroke-dasharray="{dash}"/>')
        out.extend(f'<circle cx="{x(n):.1f}" cy="{y(points[n][side][which]):.1f}" r="3" fill="{colour}"/>'
                   for n in calls)
    out.append(f'<text x="{at_x + WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">calls at once</text>')
    return out


def legend():
    out = []
    for i, (side, which, colour, dash) in enumerate(LINES):
        at = LEFT + i * 130
        out.append(f'<line x1="{at}" x2="{at + 28}" y1="{HEIGHT + 16}" y2="{HEIGHT + 16}" stroke="{colour}" '
                   f'stroke-width="2" stroke-dasharray="{dash}"/>')
        out.append(f'<text x="{at + 34}" y="{HEIGHT + 20}">{side} {which.lower()}</text>')
    return out


def svg(panels):
    """panels: [(title, points)], side by side; milliseconds."""
    width = WIDTH * len(panels)
    body = [f'<rect width="{width}" height="{HEIGHT + 32}" fill="#ffffff"/>']
    for i, (title, points) in enumerate(panels):
        body += panel(title, points, i * WIDTH)
    body += legend()
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{HEIGHT + 32}" '
            f'font-family="sans-serif" font-size="12" fill="#222222">\n' + "\n".join(body) + "\n</svg>\n")
