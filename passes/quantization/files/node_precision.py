"""Which nodes compute in fp16 in a quantized network: what `-node-precision-info` reads."""

from pathlib import Path

from passes.quantization.files.documents import counted, read_text, yaml_documents
from passes.quantization.files.nodes import Flaw, entries_of, fields_of, items_of, refusing, text_of

_WHAT = "a node precision file"
_REMEDY = "correct it (docs/quantization-files.md shows the form)"
_FP16, _FP32 = "FP16NodeInstanceNames", "FP32NodeInstanceNames"


def read_node_precision(path: Path) -> tuple[str, ...]:
    """Names of the first outputs of the nodes that a file has compute in fp16, each once, in its order.

    Raises AicError when it cannot be read or says anything else: nodes cannot be kept in fp32 one by one.
    """
    with refusing(path, _REMEDY):
        documents = yaml_documents(read_text(path, _WHAT))
        if len(documents) != 1:
            raise Flaw(f"not {_WHAT}: it has {counted(documents)}, not one", None)
        fields = entries_of(documents[0], "the file")
        if _FP32 in fields:
            instead = "-keep-original-precision-for-nodes keeps all nodes of an operator"
            raise Flaw(f"{_FP32}: single nodes cannot be set to fp32; {instead}", fields[_FP32].line)
        names = items_of(fields_of(documents[0], "the file", [_FP16])[_FP16], _FP16)
        return tuple(dict.fromkeys(text_of(name, f"a name in {_FP16}") for name in names))
