"""Small scheduled tile programs as IR text."""

from xdsl.dialects.builtin import ModuleOp

from aic.nsp.timing import Plan, Timeline, make_plan, simulate
from dialects import create_context
from dialects.hardware import Hardware, load_hardware
from dialects.text import SourceMap, parse_module, verify

PRO = load_hardware("pro")


def module(body: str, cores: int, target: str = '#aic.target<"pro">') -> ModuleOp:
    """Module with @main of that body."""
    text = f"""
    builtin.module attributes {{aic.target = {target}, aic.cores = {cores} : i64}} {{
      func.func @main() {{
        {body}
        func.return
      }}
    }}"""
    parsed = parse_module(create_context(), SourceMap("test", text))
    verify(parsed)
    return parsed


def plan(body: str, cores: int) -> Plan:
    """Plan of a body."""
    return make_plan(module(body, cores))


def run(body: str, cores: int, hardware: Hardware = PRO) -> Timeline:
    """Timeline of a body."""
    return simulate(plan(body, cores), hardware)


def tensor(name: str, shape: str, role: str = "scratch") -> str:
    """A tensor in DDR; inputs and outputs are labelled by their names."""
    label = f', label = "{name}"' if role in ("input", "output") else ""
    return f'%{name} = tile.tensor {{role = "{role}"{label}}} : memref<{shape}, "ddr">\n'


def alloc(name: str, box: str, shape: str) -> str:
    """A buffer in VTCM."""
    return f'%{name} = tile.alloc {{window = #tile.box<{box}>}} : memref<{shape}, "vtcm">\n'


def instruction(text: str, properties: str, node: str, signal: int | None = None, waits: str = "") -> str:
    """An instruction with its signal, waits and the name of its node."""
    entries = [properties] if properties else []
    if signal is not None:
        entries.append(f"signal = {signal} : i64")
    if waits:
        entries.append(f"waits = #tile.waits<{waits}>")
    return f'{text} {{{", ".join(entries)}}} loc("{node}")\n'


def matmul(a: str, b: str, y: str, boxes: tuple[str, str, str], node: str, signal: int, waits: str = "") -> str:
    """A matmul on HMX."""
    listed = ", ".join(f"#tile.box<{box}>" for box in boxes)
    properties = f'kernel = "matmul", engine = "hmx", boxes = [{listed}], arguments = {{}}'
    return instruction(f"tile.compute %{a}, %{b}, %{y}", properties, node, signal, waits)


def blur(cores: int = 4, layers: int = 3) -> str:
    """A chain of 3x3 convolutions over rows split between cores: weights multicast, halos exchanged."""
    rows = 56 // cores
    own = f"[{cores}] : 0 to 1, {rows} m0 to {rows} m0 + {rows}, 0 to 56, 0 to 64"
    need = f"[{cores}] : 0 to 1, max({rows} m0 - 1, 0) to min({rows} m0 + {rows + 1}, 56), 0 to 56, 0 to 64"
    window = f"[{cores}] : 0 to 1, {rows} m0 - 1 to {rows} m0 + {rows + 1}, -1 to 57, 0 to 64"
    weights = f"[{cores}] : 0 to 3, 0 to 3, 0 to 64, 0 to 64"
    buffer, kernel = f"1x{rows + 2}x58x64xf16", "3x3x64x64xf16"
    text = tensor("x", "1x56x56x64xf16", "input") + tensor("y", "1x56x56x64xf16", "output") + tensor("w", kernel)
    text += alloc("a", window, buffer) + alloc("b", window, buffer) + alloc("v", weights, kernel)
    text += instruction("tile.load %x, %a", f"box = #tile.box<{need}>", "x", 1)
    for name in "ab":
        text += instruction(f"tile.fill %{name}", "shape = array<i64: 1, 56, 56, 64>, value = 0.0 : f64", "pad", 2)
    source, target = "a", "b"
    for layer in range(layers):
        multicast = f"box = #tile.box<{weights}>, axes = array<i64: 0>"
        text += instruction("tile.multicast %w, %v", multicast, f"conv{layer}", 3, f"4 at {layer} all")
        boxes = ", ".join(f"#tile.box<{box}>" for box in (window, weights, own))
        arguments = "strides = array<i64: 1, 1>, dilations = array<i64: 1, 1>, pads = array<i64: 0, 0, 0, 0>"
        conv = f'kernel = "conv", engine = "hmx", boxes = [{boxes}], arguments = {{{arguments}}}'
        waits = f"1 at 1, 2 at 2, 3 at {layer + 1}, 5 at {layer}"
        text += instruction(f"tile.compute %{source}, %v, %{target}", conv, f"conv{layer}", 4, waits)
        halo = f"box = #tile.box<{need}>, own = #tile.box<{own}>"
        text += instruction(f"tile.exchange %{target}, %{target}", halo, f"conv{layer}", 5, f"4 at {layer + 1} all")
        source, target = target, source
    return text + instruction(
        f"tile.store %{source}, %y", f"box = #tile.box<{own}>", "y", 6, f"4 at {layers}, 5 at {layers}"
    )
