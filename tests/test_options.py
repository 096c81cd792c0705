"""The table of options, its parser, its help."""

from dataclasses import fields
from pathlib import Path

import pytest

from aic.options import OPTIONS, Kind, Options, UsageError, help_text, options_from_keywords, parse_arguments
from dialects.hardware import load_hardware, skus


def mistakes(*argv: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_arguments(argv)
    return str(caught.value)


def test_the_documents_compile_command() -> None:
    options = parse_arguments(
        "-m=resnet50.onnx -aic-hw -aic-hw-version=2.0 -aic-num-cores=16 -convert-to-fp16"
        " -compile-only -aic-binary-dir=out".split()
    )
    assert options == Options(
        model=Path("resnet50.onnx"),
        aic_hw=True,
        aic_num_cores=16,
        convert_to_fp16=True,
        compile_only=True,
        aic_binary_dir=Path("out"),
    )


@pytest.mark.parametrize(
    "argv",
    [
        ["-m=a", "-num-iter=100"],
        ["-m", "a", "-num-iter", "100"],
        ["--model=a", "--num-iter", "100"],
        ["a", "-num-iter=100"],
        ["-num-iter=", "100", "a"],
        ["-m=a", "-num-iter=100", "-num-iter=100"],
    ],
)
def test_spellings_of_values(argv: list[str]) -> None:
    assert parse_arguments(argv) == Options(model=Path("a"), num_iter=100)


@pytest.mark.parametrize(("argument", "value"), [("-aic-hw", True), ("-aic-hw=1", True), ("-aic-hw=false", False)])
def test_flags(argument: str, value: bool) -> None:
    assert parse_arguments(["a", argument]).aic_hw is value


def test_a_flag_takes_no_following_argument() -> None:
    assert parse_arguments(["-aic-hw", "a"]) == Options(model=Path("a"), aic_hw=True)
    assert parse_arguments(["-use-random-input-data", "a"]).use_random_input_data == "uniform"
    assert parse_arguments(["-use-random-input-data=gaussian", "a"]).use_random_input_data == "gaussian"


@pytest.mark.parametrize(("argument", "level"), [("-v", 1), ("-vv", 2), ("-vvv", 3)])
def test_verbosity(argument: str, level: int) -> None:
    assert parse_arguments(["a", argument]).verbosity == level


@pytest.mark.parametrize("argument", ["-h", "-help", "--help", "-u", "--usage"])
def test_help_needs_no_model(argument: str) -> None:
    assert parse_arguments([argument]).help


def test_symbols_gather() -> None:
    options = parse_arguments(["a", "-onnx-define-symbol=sequence,10", "-onnx-define-symbol=batch_size,8"])
    assert options.onnx_define_symbol == {"sequence": 10, "batch_size": 8}
    assert "batch is 8 already" in mistakes("a", "-onnx-define-symbol=batch,8", "-onnx-define-symbol=batch,9")


@pytest.mark.parametrize("value", ["batch", "batch,", ",8", "batch,0", "batch,-1", "batch,x"])
def test_symbols_that_are_none(value: str) -> None:
    assert "must be a symbol and a positive integer" in mistakes("a", f"-onnx-define-symbol={value}")


def test_paths_are_one_value() -> None:
    template = "-dump-custom-IO-config-template"
    expected = Options(model=Path("a"), dump_custom_io_config_template=(Path("t"), Path("p")))
    assert parse_arguments(["a", f"{template}=t,p"]) == expected
    assert options_from_keywords(model="a", dump_custom_io_config_template=("t", "p")) == expected
    assert "given as" in mistakes("a", f"{template}=t", f"{template}=u")


def test_names_gather() -> None:
    assert parse_arguments(["a", "-output-node-name=r, s:1", "-output-node-name=t"]).output_node_name == (
        "r",
        "s:1",
        "t",
    )
    assert options_from_keywords(output_node_name=["r", "s:1"]).output_node_name == ("r", "s:1")
    assert "must be names separated by commas" in mistakes("a", "-output-node-name=r,,s")


def test_all_mistakes_at_once() -> None:
    message = mistakes(
        "-m=a", "-aic-num-cors=3", "-aic-num-cores=0", "-batchsize", "-num-iter=x", "-io-crc", "-time", "2"
    )
    assert "unknown option -aic-num-cors; did you mean -aic-num-cores" in message
    assert "-aic-num-cores=0: must be at least 1" in message
    assert "-batchsize: a value is missing" in message
    assert "-num-iter=x: must be an integer" in message
    assert "not supported yet: -io-crc, -time" in message


def test_every_refused_option_is_recognised() -> None:
    refused = [option for option in OPTIONS if not option.supported]
    for option in refused:
        value = option.choices[0] if option.choices else str(option.maximum or option.minimum or 1)
        argument = f"-{option.name}" if option.kind is Kind.FLAG else f"-{option.name}={value}"
        assert mistakes("a", argument) == f"options: not supported yet: -{option.name}"


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["-aic-hw"], "the model is missing"),
        (["a", "b"], "given as a already"),
        (["a", "-operators-supported=caffe"], "must be onnx"),
        (["a", "-aic-hw-version=1.0"], "must be 2.0"),
        (["a", "-aic-num-cores=17"], "the SKU 'pro' has 16 NSP cores"),
        (
            ["a", "-aic-num-cores=6", "-aic-num-of-instances=3"],
            "3 instances on 6 NSPs each take 18, the SKU",
        ),
        (["a", "-aic-num-of-instances=2", "-compile-only", "-aic-binary-dir=o"], "excludes -aic-num-of-instances"),
        (["a", "-run-on-interpreter", "-aic-num-of-instances=2"], "excludes -aic-num-of-instances"),
        (["a", "-run-on-interpreter", "-device-id=2"], "excludes -device-id"),
        (["a", "-device-id=2", "-compile-only", "-aic-binary-dir=o"], "excludes -device-id"),
        (["a", "-device-id=2", "-mdp-auto-partition=2"], "excludes -mdp-auto-partition; aic-runner -D places"),
        (["a", "-device-id=16"], "-device-id=16: the simulated host has 16 devices, numbered from 0"),
        (["a", "-compile-threads=0"], "must be at least 1"),
        (["a", "-compile-threads=257"], "must be at most 256"),
        (["a", "-run-on-interpreter", "-aic-hw"], "excludes -aic-hw"),
        (["a", "-run-on-interpreter", "-combine-inputs"], "excludes -combine-inputs"),
        (["a", "-compile-only"], "needs -aic-binary-dir"),
        (["a", "-compile-only", "-aic-binary-dir=o", "-num-iter=2"], "excludes -num-iter"),
        (["a", "-to=tile", "-write-output-dir=o"], "-to stops before execution"),
        (["a", "-from=schedule", "-batchsize=2"], "bound shapes"),
        (["a", "-from=graph", "-output-node-name=r"], "excludes -output-node-name"),
        (["a", "-input-list-file=l", "-use-random-input-data"], "give one"),
        (["a", "-input-list-file=l", "-json-input-file=j"], "-input-list-file and -json-input-file each say where"),
        (["a", "-json-input-file=j", "-compile-only", "-aic-binary-dir=o"], "excludes -json-input-file"),
        (["a", "-network-specialization-config=c", "-input-list-file=l"], "give -json-input-file"),
        (["a", "-network-specialization-config=c", "-aic-preproc"], "pre- and postprocessing on the host"),
        (["a", "-network-specialization-config=c", "-from=graph"], "bound shapes"),
        (["a", "-retained-state", "-from=graph"], "excludes -retained-state"),
    ],
)
def test_conflicts(argv: list[str], message: str) -> None:
    assert message in mistakes(*argv)


@pytest.mark.parametrize("sku", skus())
def test_a_card_may_use_all_its_cores(sku: str) -> None:
    cores = load_hardware(sku).cores
    assert parse_arguments(["a", f"-aic-sku={sku}", f"-aic-num-cores={cores}"]).aic_num_cores == cores


def test_keywords_are_the_same_options() -> None:
    assert options_from_keywords(
        model=Path("a"), aic_num_cores=16, convert_to_fp16=True, onnx_define_symbol={"batch": 8}, batchsize=None
    ) == parse_arguments(["a", "-aic-num-cores=16", "-convert-to-fp16", "-onnx-define-symbol=batch,8"])


def test_mistakes_in_keywords() -> None:
    with pytest.raises(UsageError) as caught:
        options_from_keywords(aic_num_core=1, batchsize=0, io_crc=True)
    message = str(caught.value)
    assert "unknown option aic_num_core; did you mean aic_num_cores" in message
    assert "batchsize=0: must be at least 1" in message
    assert "not supported yet: -io-crc" in message


def test_the_table_is_sound() -> None:
    names = [name for option in OPTIONS for name in option.names]
    keywords = [option.python_name for option in OPTIONS]
    assert len(names) == len(set(names))
    assert len(keywords) == len(set(keywords))
    assert {option.python_name for option in OPTIONS if option.supported} == {field.name for field in fields(Options)}
    assert all(keyword.isidentifier() for keyword in keywords)


def test_help_names_every_option() -> None:
    text = help_text()
    assert all(f"-{name}" in text for option in OPTIONS if option.supported for name in option.names)
    assert all(f"-{option.name}" in text for option in OPTIONS)
    assert "(default pro)" in text
    assert max(map(len, text.splitlines())) <= 110
