"""Make the trained encoder of the tests anew: a small BERT that tells which keyword of a Python program is hidden.

    python -m tools.make_encoder tests/data

Needs the extra `models`. The programs are Python's standard library. An example is a statement with one keyword hidden,
between the statements before and after it: at most 32 tokens, the class token first. Names, numbers and operators that
are not frequent are known by their kind only, strings always. The 20 classes come as often as their keywords do; those
of constants (`None`, `True`, `False`) stay visible, since hardly anything near them tells which one it was.

Written are `encoder.onnx` (symbolic batch; `input_ids` and `attention_mask` i64 [batch, 32], `logits` [batch, 20]),
`encoder_test.npz` (2000 examples from files that training never saw: `input_ids`, `attention_mask`, `labels`; the same
tokens occur elsewhere in training for 113) and `encoder_calib.npz` (512 training examples: `input_ids`,
`attention_mask`). The examples depend on the release of Python; training differs in its last bits between machines,
numbers of threads and releases of PyTorch, and so do the accuracies. It takes three minutes of one thread.

Seen for the files in tests/data (Python 3.11.7, PyTorch 2.13 with OMP_NUM_THREADS=1, onnxruntime 1.32 with its
optimizations), in % of the test examples: 90.60 in fp32. With matrix products quantized by `quantize_static` (QDQ,
signed, calibrated on `encoder_calib.npz`) and all else in fp32:

    int8, weights per channel   MinMax 90.35   Percentile 90.45
    int8, weights per tensor    MinMax 90.05   Percentile 90.15
    int16, weights per channel  MinMax 90.60

Quantized whole, as is `quantize_static`'s default, it gets 3.25: the mask has -inf, which no scale can hold. With the
mask's sum and the softmax left out: 90.40 per channel, 90.25 per tensor (MinMax).
"""

import sys
import sysconfig
import tokenize
import warnings
from bisect import bisect_right
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from dialects.files import written_aside
from tools.exports.network import library, returning
from tools.trained import run_training, save_arrays

Ids: TypeAlias = npt.NDArray[np.int64]

_SEED = 0
_EPOCHS = 2
_BATCH = 128
_LEARNING_RATE = 4e-3
_OPSET = 17

_LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idle_test", "encodings"}
"""Folders with what is not the standard library, its tests, and tables of characters."""
_TEST_FILES = 1 / 5
_TEST_EXAMPLES = 2000
_CALIBRATION_EXAMPLES = 512

_LENGTH = 32
_CLASSES = 20
_VOCABULARY = 512
_PADDING, _CLASS, _HIDDEN = range(3)
"""The first tokens of the vocabulary."""
_CONSTANTS = {"None", "True", "False"}
_WORDS = {tokenize.NAME, tokenize.NUMBER, tokenize.OP}
_NO_TOKENS = {tokenize.COMMENT, tokenize.NL}

INPUTS = ("input_ids", "attention_mask")


class Token(NamedTuple):
    """A token of a program. That of a string, or of an indentation, has its kind as its word."""

    word: str
    kind: str


@dataclass(frozen=True)
class Examples:
    """Tokens [n, 32], padded with 0, and the classes [n] of their hidden keywords."""

    tokens: Ids
    labels: Ids

    @property
    def mask(self) -> Ids:
        """1 where there is a token, 0 where there is padding."""
        return (self.tokens != _PADDING).astype(np.int64)

    def part(self, chosen: Ids) -> "Examples":
        """The examples with these numbers."""
        return Examples(self.tokens[chosen], self.labels[chosen])


def read_programs() -> list[list[Token]]:
    """The files of the standard library, in order of their names."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = sorted(path.relative_to(root) for path in root.rglob("*.py"))
    return [list(_tokens(root / path)) for path in paths if not _LEFT_OUT & set(path.parts)]


def _tokens(path: Path) -> Generator[Token]:
    with tokenize.open(path) as file:
        for token in tokenize.generate_tokens(file.readline):
            kind = f"<{tokenize.tok_name[token.type]}>"
            if token.type not in _NO_TOKENS:
                yield Token(token.string if token.type in _WORDS else kind, kind)


def load_examples() -> tuple[Examples, Examples]:
    """Examples to train with and examples to test with, from different files, drawn by a fixed seed."""
    draw = np.random.default_rng(_SEED)
    programs = read_programs()
    order = [programs[number] for number in draw.permutation(len(programs))]
    count = round(len(order) * _TEST_FILES)
    testing, training = order[:count], order[count:]
    vocabulary, classes = _vocabulary(training), _classes(training)
    tested = _examples(testing, vocabulary, classes)
    return _examples(training, vocabulary, classes), tested.part(draw.permutation(len(tested.labels))[:_TEST_EXAMPLES])


def _vocabulary(programs: Iterable[Sequence[Token]]) -> Mapping[str, int]:
    """Number of each kind of token and of the most frequent words; those before are not of programs."""
    tokens = Counter(token for program in programs for token in program)
    kinds = sorted({token.kind for token in tokens})
    words = [token.word for token, _ in tokens.most_common() if token.word != token.kind]
    return {word: number for number, word in enumerate([*kinds, *words][: _VOCABULARY - 3], start=3)}


def _classes(programs: Iterable[Sequence[Token]]) -> Mapping[str, int]:
    """Class of each keyword that is hidden, the most frequent first."""
    words = Counter(token.word for program in programs for token in program)
    keywords = [word for word, _ in words.most_common() if iskeyword(word) and word not in _CONSTANTS]
    return {word: number for number, word in enumerate(keywords[:_CLASSES])}


def _examples(
    programs: Iterable[Sequence[Token]], vocabulary: Mapping[str, int], classes: Mapping[str, int]
) -> Examples:
    """One example for every keyword that has a class."""
    tokens: list[Ids] = []
    labels: list[int] = []
    for program in programs:
        numbers = np.array([vocabulary.get(word, vocabulary[kind]) for word, kind in program])
        bounds = _statement_bounds(program)
        for place, (word, _) in enumerate(program):
            if word in classes:
                tokens.append(_example(numbers, bounds, place))
                labels.append(classes[word])
    return Examples(np.stack(tokens), np.array(labels))


def _statement_bounds(program: Sequence[Token]) -> list[int]:
    """Where statements begin, with an empty one before the first and what follows the last."""
    ends = [place + 1 for place, token in enumerate(program) if token.kind == "<NEWLINE>"]
    return [0, 0, *ends, len(program)]


def _example(numbers: Ids, bounds: Sequence[int], place: int) -> Ids:
    """The statement around a place, whose token is hidden, and its neighbours; cut on both sides if it must be."""
    following = bisect_right(bounds, place)
    room = _LENGTH - 1
    start, stop = bounds[following - 2], bounds[following + 1]
    if stop - start > room:
        start = max(start, place - room // 2)
        stop = min(stop, start + room)
    example = np.full(_LENGTH, _PADDING)
    example[0] = _CLASS
    example[1 : 1 + stop - start] = numbers[start:stop]
    example[1 + place - start] = _HIDDEN
    return example


def build_network() -> Any:
    """A BERT of two layers with a classifier on its pooled first token: logits [batch, 20] of tokens and a mask.

    Weights begin in proportion to the width, of which BERT's usual 0.02 is far too little here.
    """
    transformers = library("transformers")
    config = transformers.BertConfig(
        vocab_size=_VOCABULARY,
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=256,
        max_position_embeddings=_LENGTH,
        num_labels=_CLASSES,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return transformers.BertForSequenceClassification(config)


def train(network: Any, examples: Examples) -> None:
    """Fits the network to the examples."""
    torch = library("torch")
    tokens, mask, labels = (torch.from_numpy(array) for array in (examples.tokens, examples.mask, examples.labels))
    steps = _EPOCHS * -(-len(labels) // _BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=_LEARNING_RATE, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _LEARNING_RATE, total_steps=steps, pct_start=0.1)
    network.train()
    for _ in range(_EPOCHS):
        for chosen in torch.randperm(len(labels)).split(_BATCH):
            logits = network(input_ids=tokens[chosen], attention_mask=mask[chosen]).logits
            loss = torch.nn.functional.cross_entropy(logits, labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
    network.eval()


def export(network: Any, path: Path) -> None:
    """Writes the network with a symbolic batch, its weights inside."""
    torch = library("torch")
    tokens = torch.full((2, _LENGTH), _CLASS)
    with written_aside(path) as partial, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            returning(network, INPUTS, "logits"),
            (tokens, torch.ones_like(tokens)),
            str(partial),
            input_names=list(INPUTS),
            output_names=["logits"],
            opset_version=_OPSET,
            dynamo=False,
            dynamic_axes={name: {0: "batch"} for name in (*INPUTS, "logits")},
        )


def make(folder: Path) -> int:
    """Trains and writes everything into the folder; returns how many test examples the network gets right."""
    torch = library("torch")
    torch.manual_seed(_SEED)
    training, testing = load_examples()
    network = build_network()
    train(network, training)
    with torch.no_grad():
        result = network(input_ids=torch.from_numpy(testing.tokens), attention_mask=torch.from_numpy(testing.mask))
    export(network, folder / "encoder.onnx")
    _save(folder / "encoder_test.npz", testing, labels=testing.labels)
    chosen = np.random.default_rng(_SEED).permutation(len(training.labels))[:_CALIBRATION_EXAMPLES]
    _save(folder / "encoder_calib.npz", training.part(chosen))
    return int((result.logits.numpy().argmax(axis=1) == testing.labels).sum())


def _save(path: Path, examples: Examples, **others: Ids) -> None:
    save_arrays(path, **dict(zip(INPUTS, (examples.tokens, examples.mask), strict=True)), **others)


if __name__ == "__main__":
    sys.exit(run_training("make_encoder", "the encoder", make, _TEST_EXAMPLES))
