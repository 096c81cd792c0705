"""Forty architectures of the Transformers library, each with a few narrow layers: what people bring to a compiler.

Small as they are, they are exported from the library's own code, with all that this leaves in a graph: masks made of
comparisons, windows that are rolled and cut, relative positions, recurrences unrolled in time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tools.exports.network import SEED, Network, library

_LAYERS = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}
_TEXT = {**_LAYERS, "vocab_size": 1000, "max_position_embeddings": 64}
_DECODER = {**_TEXT, "use_cache": False, "num_key_value_heads": 2}
_VISION = {**_LAYERS, "image_size": 64, "patch_size": 16}
_WINDOWS = {"image_size": 64, "patch_size": 4, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
_STAGES = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 2, 2, 4]}
_PIXELS, _TOKENS = (1, 3, 64, 64), (1, 17)


@dataclass(frozen=True)
class Architecture:
    """`model` and `model`'s configuration are classes of the library; `part` is an attribute of the model to export.

    Tokens are drawn for an input of two dimensions, `noise` says otherwise. `traced` tells whether the older exporter
    can export it.
    """

    model: str
    config: str
    sizes: Mapping[str, Any]
    shape: tuple[int, ...] = _TOKENS
    noise: bool = False
    part: str = ""
    traced: bool = True


def _vision(model: str, config: str, sizes: Mapping[str, Any]) -> Architecture:
    return Architecture(model, config, sizes, _PIXELS, noise=True)


def _decoder(model: str, config: str, **sizes: Any) -> Architecture:
    return Architecture(model, config, {**_DECODER, **sizes}, traced=False)


ARCHITECTURES: Mapping[str, Architecture] = {
    "albert": Architecture("AlbertModel", "AlbertConfig", {**_TEXT, "embedding_size": 32}),
    "bert": Architecture("BertModel", "BertConfig", _TEXT),
    "bloom": Architecture(
        "BloomModel",
        "BloomConfig",
        {"vocab_size": 1000, "hidden_size": 64, "n_layer": 2, "n_head": 4, "use_cache": False},
    ),
    "clip_text": Architecture("CLIPTextModel", "CLIPTextConfig", _TEXT),
    "deberta": Architecture(
        "DebertaV2Model",
        "DebertaV2Config",
        {**_TEXT, "relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_buckets": 16},
    ),
    "distilbert": Architecture(
        "DistilBertModel",
        "DistilBertConfig",
        {"vocab_size": 1000, "dim": 64, "n_layers": 2, "n_heads": 4, "hidden_dim": 128},
    ),
    "electra": Architecture("ElectraModel", "ElectraConfig", {**_TEXT, "embedding_size": 32}),
    "falcon": Architecture(
        "FalconModel",
        "FalconConfig",
        {"vocab_size": 1000, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "use_cache": False},
        traced=False,
    ),
    "gemma": _decoder("GemmaModel", "GemmaConfig", head_dim=16),
    "gpt_neox": Architecture("GPTNeoXModel", "GPTNeoXConfig", {**_TEXT, "use_cache": False}, traced=False),
    "llama": _decoder("LlamaModel", "LlamaConfig"),
    "mamba": Architecture(
        "MambaModel",
        "MambaConfig",
        {"vocab_size": 1000, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4, "use_cache": False},
        (1, 9),
    ),
    "mistral": _decoder("MistralModel", "MistralConfig", sliding_window=8),
    "mpnet": Architecture("MPNetModel", "MPNetConfig", _TEXT),
    "opt": Architecture(
        "OPTModel",
        "OPTConfig",
        {
            "vocab_size": 1000,
            "hidden_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "ffn_dim": 128,
            "max_position_embeddings": 64,
            "word_embed_proj_dim": 64,
            "use_cache": False,
        },
    ),
    "phi": Architecture("PhiModel", "PhiConfig", {**_TEXT, "use_cache": False}, traced=False),
    "qwen2": _decoder("Qwen2Model", "Qwen2Config"),
    "roberta": Architecture("RobertaModel", "RobertaConfig", _TEXT),
    "rwkv": Architecture(
        "RwkvModel",
        "RwkvConfig",
        {"vocab_size": 1000, "hidden_size": 32, "num_hidden_layers": 2, "use_cache": False},
        (1, 9),
    ),
    "squeezebert": Architecture("SqueezeBertModel", "SqueezeBertConfig", {**_TEXT, "embedding_size": 64}),
    "t5": Architecture(
        "T5EncoderModel",
        "T5Config",
        {"vocab_size": 1000, "d_model": 64, "d_kv": 16, "d_ff": 128, "num_layers": 2, "num_heads": 4},
    ),
    "wav2vec2": Architecture(
        "Wav2Vec2Model",
        "Wav2Vec2Config",
        {
            **_LAYERS,
            "vocab_size": 32,
            "conv_dim": (32,) * 7,
            "num_conv_pos_embeddings": 16,
            "num_conv_pos_embedding_groups": 4,
        },
        (1, 4000),
        noise=True,
    ),
    "whisper": Architecture(
        "WhisperModel",
        "WhisperConfig",
        {
            "vocab_size": 1000,
            "d_model": 64,
            "encoder_layers": 2,
            "decoder_layers": 1,
            "encoder_attention_heads": 4,
            "decoder_attention_heads": 4,
            "encoder_ffn_dim": 128,
            "decoder_ffn_dim": 128,
            "max_source_positions": 50,
            **dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id"), 0),
        },
        (1, 80, 100),
        noise=True,
        part="encoder",
    ),
    "beit": _vision("BeitModel", "BeitConfig", {**_VISION, "use_relative_position_bias": True}),
    "clip": _vision("CLIPVisionModel", "CLIPVisionConfig", _VISION),
    "convnext": _vision("ConvNextModel", "ConvNextConfig", {"hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1]}),
    "deit": _vision("DeiTModel", "DeiTConfig", _VISION),
    "dpt": _vision(
        "DPTForDepthEstimation",
        "DPTConfig",
        {
            **_VISION,
            "num_hidden_layers": 4,
            "backbone_out_indices": [0, 1, 2, 3],
            "neck_hidden_sizes": [8, 16, 24, 32],
            "fusion_hidden_size": 16,
        },
    ),
    "efficientnet": _vision(
        "EfficientNetModel",
        "EfficientNetConfig",
        {"width_coefficient": 0.25, "depth_coefficient": 0.3, "image_size": 64, "hidden_dim": 320},
    ),
    "glpn": _vision("GLPNForDepthEstimation", "GLPNConfig", {**_STAGES, "decoder_hidden_size": 16}),
    "levit": _vision(
        "LevitModel",
        "LevitConfig",
        {
            "image_size": 64,
            "hidden_sizes": [32, 48, 64],
            "num_attention_heads": [2, 3, 4],
            "depths": [1, 1, 1],
            "key_dim": [8, 8, 8],
        },
    ),
    "mobilenet_v1": _vision("MobileNetV1Model", "MobileNetV1Config", {"depth_multiplier": 0.25}),
    "mobilenet_v2": _vision("MobileNetV2Model", "MobileNetV2Config", {"depth_multiplier": 0.35}),
    "mobilevit": _vision(
        "MobileViTModel",
        "MobileViTConfig",
        {"image_size": 64, "hidden_sizes": [24, 32, 40], "neck_hidden_sizes": [8, 16, 24, 32, 40, 48, 64]},
    ),
    "poolformer": _vision(
        "PoolFormerModel", "PoolFormerConfig", {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 1, 1]}
    ),
    "pvt": _vision(
        "PvtModel",
        "PvtConfig",
        {
            "image_size": 64,
            "hidden_sizes": [16, 32, 48, 64],
            "depths": [1, 1, 1, 1],
            "num_attention_heads": [1, 2, 4, 4],
            "sequence_reduction_ratios": [4, 2, 1, 1],
        },
    ),
    "regnet": _vision(
        "RegNetModel",
        "RegNetConfig",
        {"embedding_size": 8, "hidden_sizes": [16, 32, 48, 64], "depths": [1, 1, 2, 1], "groups_width": 8},
    ),
    "segformer": _vision("SegformerForSemanticSegmentation", "SegformerConfig", {**_STAGES, "decoder_hidden_size": 32}),
    "swin": _vision("SwinModel", "SwinConfig", _WINDOWS),
    "swin_v2": _vision("Swinv2Model", "Swinv2Config", _WINDOWS),
    "vit": _vision("ViTModel", "ViTConfig", _VISION),
    "yolos": _vision("YolosModel", "YolosConfig", {**_VISION, "image_size": [64, 64], "num_detection_tokens": 10}),
}


def architecture(name: str) -> Network:
    """The network of that name with random weights: its first result."""
    torch, transformers = library("torch"), library("transformers")

    torch.manual_seed(SEED)
    made = ARCHITECTURES[name]
    module = getattr(transformers, made.model)(getattr(transformers, made.config)(**made.sizes))
    module = (getattr(module, made.part) if made.part else module).eval().requires_grad_(False)
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:  # biases and scales start as zeros and ones, which hide where they are used
                parameter.add_(0.1 * torch.rand_like(parameter))
    noise = torch.randn(made.shape) if made.noise else torch.randint(0, 90, made.shape)
    return Network(_first_result(module, by_name=not made.noise), (noise,), ("input",), ("output",))


def _first_result(module: Any, *, by_name: bool) -> Any:
    torch = library("torch")

    class FirstResult(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, value: Any) -> Any:
            return (self.inner(input_ids=value) if by_name else self.inner(value))[0]

    return FirstResult().eval()
