"""The plots of docs/performance.md: horizontal bars, a panel for each load."""

import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OURS, OTHERS = ["#2a6f97", "#89c2d9"], ["#777777", "#bbbbbb"]


def draw(name, alt, panels, label, parts=(), line=None, form="{:.0f}"):
    """Draws docs/NAME, and returns the image's place in the page; without matplotlib, nothing.

    `panels` is {title: {contender: [length of each part]}}. One bar may be so long that it would leave the others no room: it is cut off.
    """
    try:
        import matplotlib
    except ImportError:
        print("matplotlib is missing: no plots", file=sys.stderr)
        return ""
    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "tenantry", "font.size": 9})
    from matplotlib import patches, pyplot
    columns = 2 if len(panels) == 4 else min(3, len(panels))
    rows = -(-len(panels) // columns)
    names = list(next(iter(panels.values())))
    is_ours = lambda name: name.startswith("Tenantry") or not any(name.startswith("Tenantry") for name in names)
    figure, grid = pyplot.subplots(rows, columns, figsize=(11, 0.9 + rows * (0.6 + 0.24 * len(names))), sharey=True, squeeze=False)
    for axis in grid.flatten()[len(panels):]:
        axis.remove()
    for axis, (title, bars) in zip(grid.flatten(), panels.items()):
        totals = [sum(bars[name]) for name in names]
        longest = max(total for total in totals if total <= 4 * sorted(totals)[-2]) * 1.25
        starts = [0] * len(names)
        for part in range(len(bars[names[0]])):
            lengths = [bars[name][part] for name in names]
            axis.barh(names, lengths, left=starts, color=[(OURS if is_ours(name) else OTHERS)[part] for name in names])
            starts = [start + length for start, length in zip(starts, lengths)]
        for at, total in enumerate(totals):
            text = " " + form.format(total)
            inside = total > longest
            axis.text(longest if inside else total, at, text, va="center", ha="right" if inside else "left", color="white" if inside else "black")
        if line is not None:
            axis.axvline(line, color="#888888", linewidth=0.8)
        axis.set_title(title)
        axis.set_xlim(0, longest)
    grid[0][0].invert_yaxis()
    if parts:
        keys = [patches.Patch(color=color, label=part) for part, color in zip(parts, OURS if all(map(is_ours, names)) else OTHERS)]
        figure.legend(handles=keys, loc="lower right", ncols=len(parts), frameon=False)
    figure.supxlabel(label, fontsize=9)
    figure.tight_layout()
    figure.savefig(os.path.join(ROOT, "docs", name), metadata={"Date": None})
    return f"![{alt}]({name})\n\n"
