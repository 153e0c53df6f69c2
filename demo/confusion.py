"""The confusion matrix of an EvaluationReport as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot


def draw_confusion_matrix(report: dict[str, Any], target: Path) -> None:
    """Rows: true label; columns: predicted; colour: share of the row."""
    labels = [row["label"] for row in report["labels"]]
    counts = report["confusion_matrix"]
    shares = [[n / max(1, sum(row)) for n in row] for row in counts]
    figure, axes = pyplot.subplots(figsize=(1.8 + 0.5 * len(labels), 1.6 + 0.5 * len(labels)), layout="constrained")
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(labels)), labels, rotation=45 if max(map(len, labels)) > 3 else 0)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                axes.text(x, y, count, ha="center", va="center", fontsize=9, color="white" if shares[y][x] > 0.5 else "black")
    accuracy = report["metrics"]["top1_accuracy"]
    protocol = report["protocol"].replace("_", " ")
    axes.set_title(f"{report['example_count']} examples, {100 * accuracy:.1f} % right\n({protocol})", fontsize=10)
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=120)
    pyplot.close(figure)
