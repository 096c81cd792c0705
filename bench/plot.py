"""The curves of `bench.scale` as a picture."""

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.scale import Curves

_MB = 1e6


def draw(curves: Curves, path: Path) -> None:
    """Writes three diagrams beside each other as SVG: seconds and memory by layers, seconds by cores."""
    # Names are the same in every run, and text stays text.
    matplotlib.rcParams |= {"svg.hashsalt": "bench", "svg.fonttype": "none"}
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    by_layers, memory, by_cores = figure.subplots(1, 3)
    _draw_seconds(by_layers, curves)
    _draw_memory(memory, curves)
    _draw_cores(by_cores, curves)
    figure.savefig(path, format="svg", metadata={"Date": None})


def _draw_seconds(axes: Axes, curves: Curves) -> None:
    layers, seconds = list(curves.seconds_of_layers), list(curves.seconds_of_layers.values())
    axes.plot(layers, seconds, "o-", label="measured")
    axes.plot(layers, [seconds[-1] * n / layers[-1] for n in layers], ":", label="in proportion")
    axes.set_xscale("log", base=2)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    _label(axes, "BERT, 16 cores: seconds of the processor", "layers", layers)


def _draw_memory(axes: Axes, curves: Curves) -> None:
    layers = list(curves.memory_of_layers)
    axes.plot(layers, [peak / _MB for peak in curves.memory_of_layers.values()], "o-", label="peak")
    axes.plot(layers, [curves.model_of_layers[n] / _MB for n in layers], "--", label="model")
    axes.plot(layers, [curves.allowed_memory(n) / _MB for n in layers], ":", label="allowed")
    _label(axes, "BERT, 16 cores: memory, MB", "layers", layers)


def _draw_cores(axes: Axes, curves: Curves) -> None:
    cores = list(curves.seconds_of_cores)
    axes.plot(cores, list(curves.seconds_of_cores.values()), "o-", label="measured")
    axes.set_xscale("log", base=2)
    axes.set_ylim(0, 1.2 * max(curves.seconds_of_cores.values()))
    _label(axes, "BERT of 12 layers: seconds of the processor", "cores", cores)


def _label(axes: Axes, title: str, along: str, ticks: list[int]) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(along)
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.grid(alpha=0.3)
    axes.legend()
