"""The table and the plots of a run."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
MEASURED = re.compile(r"(?<=<!-- measured -->\n).*(?=<!-- to here -->)", re.DOTALL)

HELD = {True: "held", False: "NOT HELD", None: ""}


def table(lines):
    """Return the lines as a table in Markdown."""
    rows = [("work", "must show", "measured", "")]
    rows += [(line.work, line.bound, line.figure, HELD[line.held]) for line in lines]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    rows.insert(1, tuple("-" * width for width in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    )


def write(run, folder):
    """Write the table, all measured values (for pyperf), and the plot."""
    import pyperf

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speed.md").write_text(table(run.lines) + "\n")
    if run.benchmarks:
        suite = pyperf.BenchmarkSuite(run.benchmarks)
        suite.dump(str(folder / "speed.json"), replace=True)
    plot(run.series, folder)


def write_docs(run):
    """Put the table and the machine into the page about speed, and the plots beside it."""
    page = DOCS / "explanation" / "speed.md"
    measured = f"\n{machine(run)}\n\n{table(run.lines)}\n\n"
    page.write_text(MEASURED.sub(lambda _: measured, page.read_text()))
    plot(run.series, DOCS / "_static")


def machine(run):
    """Return a sentence that describes the machine."""
    import django

    cpu = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    servers = "PostgreSQL and Redis" if all(run.addresses) else "SQLite and LocMem"
    return (
        f"Measured on {os.cpu_count()} cores of {cpu[1] if cpu else platform.machine()}, Python "
        f"{platform.python_version()}, Django {django.__version__}, {servers} on the same machine, "
        f"whose load was {run.load[0]:.1f} before and {os.getloadavg()[0]:.1f} after."
    )


THEMES = {"light": "#222222", "dark": "#dddddd"}
COLOURS = {"ours": "#2a78d6", "django-lasuite": "#eb6834"}
TITLES = {"ours": "django-oidc-logout", "django-lasuite": "django-lasuite 0.1.0"}


PLACES = ("SQLite", "PostgreSQL")
BOUND = 1.5  # times as long as Django's view


def plot(series, folder):
    """Plot what was measured of it, for each of the themes."""
    import matplotlib as mpl

    mpl.use("svg")
    import matplotlib.pyplot as plt

    for theme, ink in THEMES.items():
        with plt.rc_context(_style(ink)):
            if "ours" in series:
                _save(_back_channel(series, ink), folder / f"speed-{theme}.svg")
            if any(f"sign-out on {place}" in series for place in PLACES):
                _save(_sign_out(series, ink), folder / f"sign-out-{theme}.svg")


def _save(figure, path):
    import matplotlib.pyplot as plt

    figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)


def _style(ink):
    return {
        "svg.hashsalt": "speed",  # the same file for the same values
        "svg.fonttype": "none",
        "font.family": "sans-serif",
        "text.color": ink,
        "axes.edgecolor": ink,
        "axes.labelcolor": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }


def _back_channel(series, ink):
    """Return a figure of the least time of a logout token, among more and more sessions."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 3.8))
    for name, colour in COLOURS.items():
        if points := series.get(name):
            values = [1e3 * seconds for seconds in points.values()]
            axes.loglog(list(points), values, "o-", color=colour, linewidth=2)
            where = (list(points)[-1], values[-1])
            axes.annotate(
                TITLES[name], where, (-4, 9), textcoords="offset points", ha="right", color=ink
            )
    axes.set_xlabel("live sessions")
    axes.set_ylabel("least milliseconds for a logout token by sid")
    axes.margins(y=0.15)
    axes.grid(visible=True, which="major", alpha=0.25)
    return figure


def _sign_out(series, ink):
    """Return a figure of the sign-outs, each as many times as long as Django's."""
    import matplotlib.pyplot as plt

    measured = {place: series.get(f"sign-out on {place}") for place in PLACES}
    measured = {place: ratios for place, ratios in measured.items() if ratios}
    figure, all_axes = plt.subplots(
        1, len(measured), figsize=(6.2, 2.6), sharey=True, squeeze=False
    )
    for axes, (place, ratios) in zip(all_axes[0], measured.items(), strict=True):
        names = list(ratios)[::-1]
        ours = [name.startswith("django-oidc-logout") for name in names]
        colours = [COLOURS["ours"] if own else COLOURS["django-lasuite"] for own in ours]
        bars = axes.barh(names, [ratios[name] for name in names], color=colours, height=0.62)
        axes.bar_label(bars, fmt="%.2f", padding=3, color=ink)
        axes.axvline(BOUND, color=ink, linestyle="--", linewidth=1)
        axes.set_title(place, color=ink, fontsize="medium")
        axes.set_xlabel("times Django's LogoutView")
        axes.margins(x=0.15)
    return figure
