"""Encoders and decoders of text."""

from typing import Any

from tools.exports.network import SEED, Network, library, returning


def bert_base() -> Network:
    """BERT-base on 128 tokens with a mask: the last hidden state and the pooled first token."""
    return _bert(128)


def bert_large() -> Network:
    """BERT-large on 384 tokens, as for questions about a text."""
    return _bert(384, hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096)


def _bert(length: int, **sizes: int) -> Network:
    torch, transformers = library("torch"), library("transformers")

    torch.manual_seed(SEED)
    module = transformers.BertModel(transformers.BertConfig(use_cache=False, **sizes)).eval()
    tokens = torch.randint(0, module.config.vocab_size, (1, length))
    mask = torch.ones_like(tokens)
    names, results = ("input_ids", "attention_mask", "token_type_ids"), ("last_hidden_state", "pooler_output")
    return Network(returning(module, names, *results), (tokens, mask, torch.zeros_like(tokens)), names, results)


def gpt2() -> Network:
    """GPT-2 (124 M parameters) on 64 tokens with a mask: the logits of every position."""
    return _gpt2(64)


def gpt2_1024() -> Network:
    """The same on 1024 tokens, all that it can look at."""
    return _gpt2(1024)


def _gpt2(length: int) -> Network:
    transformers = library("transformers")
    return _decoder(lambda: transformers.GPT2LMHeadModel(transformers.GPT2Config(use_cache=False)), length)


def llama() -> Network:
    """A decoder in the manner of Llama on 128 tokens: 12 layers of width 768, each 4 heads of keys and values serving
    12 of queries.
    """
    transformers = library("transformers")
    config = transformers.LlamaConfig(
        hidden_size=768,
        intermediate_size=2048,
        num_hidden_layers=12,
        num_attention_heads=12,
        num_key_value_heads=4,
        use_cache=False,
    )
    return _decoder(lambda: transformers.LlamaForCausalLM(config), 128)


def _decoder(make: Any, length: int) -> Network:
    torch = library("torch")

    torch.manual_seed(SEED)
    module = make().eval()
    tokens = torch.randint(0, module.config.vocab_size, (1, length))
    names = ("input_ids", "attention_mask")
    return Network(returning(module, names, "logits"), (tokens, torch.ones_like(tokens)), names, ("logits",))
