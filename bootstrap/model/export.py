"""Writes the trained network as one GGUF file, q8_0, for llama.cpp."""

import argparse
import json

import gguf
import numpy as np
import torch
from gguf.quants import quantize

from network import Shape
from tokenizer import CODE, END, PAD, SPECIALS, USER

PROMPT_STYLE = "seedling/1"
SAMPLE_TEMPERATURE = 1.1  # For the candidates after the greedy one; 0.8 finds fewer.
TEMPLATE = (
    "{% for message in messages %}{% if message.role == 'assistant' %}<|code|>{{ message.content }}<|end|>"
    "{% else %}<|user|>{{ message.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|code|>{% endif %}"
)
CONTROL, NORMAL = 3, 1
FILE_TYPE_Q8_0 = 7
BLOCK_NAMES = {
    "query": "attn_q", "key": "attn_k", "value": "attn_v", "output": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down",
    "attention_norm": "attn_norm", "feed_norm": "ffn_norm",
}


def write_metadata(writer, shape, decline_below):
    """Architecture, licence and what the daemon has to know."""
    writer.add_name("edgecoder-seedling")
    writer.add_license("apache-2.0")
    writer.add_description("A tiny code model for a documented instruction language; trained on generated examples only.")
    writer.add_string("edgecoder.prompt_style", PROMPT_STYLE)
    writer.add_float32("edgecoder.decline_below", decline_below)
    writer.add_float32("edgecoder.sample_temperature", SAMPLE_TEMPERATURE)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.layers)
    writer.add_feed_forward_length(shape.hidden)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.heads)
    writer.add_layer_norm_rms_eps(shape.epsilon)
    writer.add_rope_dimension_count(shape.width // shape.heads)
    writer.add_rope_freq_base(shape.rope_base)
    writer.add_vocab_size(shape.vocabulary)
    writer.add_file_type(FILE_TYPE_Q8_0)
    writer.add_quantization_version(2)


def write_tokenizer(writer, path, shape):
    """The byte-level BPE vocabulary, with the specials as control tokens."""
    with open(path) as file:
        model = json.load(file)["model"]
    words = sorted(model["vocab"], key=model["vocab"].get)
    words += [f"[unused{i}]" for i in range(shape.vocabulary - len(words))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(words)
    writer.add_token_types([CONTROL if i < len(SPECIALS) else NORMAL for i in range(len(words))])
    writer.add_token_merges([" ".join(pair) if isinstance(pair, list) else pair for pair in model["merges"]])
    writer.add_bos_token_id(USER)
    writer.add_eos_token_id(END)
    writer.add_pad_token_id(PAD)
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    assert words[CODE] == "<|code|>"


def tensor_name(name):
    """The GGUF name of a tensor of `network.Network`."""
    if name == "embedding.weight":
        return "token_embd.weight"
    if name == "norm.weight":
        return "output_norm.weight"
    _, block, part, _ = name.split(".")
    return f"blk.{block}.{BLOCK_NAMES[part]}.weight"


def write_tensors(writer, state):
    """Matrices as q8_0, norms as float32."""
    for name, tensor in state.items():
        values = np.ascontiguousarray(tensor.float().numpy())
        if values.ndim == 1:
            writer.add_tensor(tensor_name(name), values)
        else:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(tensor_name(name), quantize(values, kind), raw_dtype=kind)


def export(checkpoint, tokenizer, out, decline_below):
    """Write the whole file."""
    writer = gguf.GGUFWriter(out, "llama")
    shape = Shape()
    write_metadata(writer, shape, decline_below)
    write_tokenizer(writer, tokenizer, shape)
    write_tensors(writer, torch.load(checkpoint))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("tokenizer")
    parser.add_argument("out")
    parser.add_argument("--decline-below", type=float, required=True, help="from `evaluate.py decline`")
    options = parser.parse_args()
    export(options.checkpoint, options.tokenizer, options.out, options.decline_below)


if __name__ == "__main__":
    main()
