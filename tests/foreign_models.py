"""Models and adapters that this project did not make: of many architectures and kinds, small and random."""

import json
import shutil

import numpy as np

from rook_bench.core import Side

KINDS = {
    "as the seed's script": {},
    "rank 1": {"r": 1},
    "rank 256": {"r": 256},
    "rsLoRA": {"use_rslora": True},
    "DoRA": {"use_dora": True},
    "all linear layers": {"target_modules": "all-linear"},
    "ranks by layer": {"rank_pattern": {"c_attn": 4}, "alpha_pattern": {"c_attn": 64}},
    "some layers": {"layers_to_transform": [0]},
    "biases": {"bias": "all"},
    "PiSSA": {"init_lora_weights": "pissa"},
    "a new head": {"modules_to_save": ["lm_head"]},
    "new embeddings": {"modules_to_save": ["wte"]},
    "both new": {"modules_to_save": ["wte", "lm_head"]},
    "embeddings": {"target_modules": ["c_attn", "wte"]},
    "the head": {"target_modules": ["c_attn", "lm_head"]},
    "both, kept tied": {"target_modules": ["wte", "lm_head"], "ensure_weight_tying": True},
    "some tokens": {"trainable_token_indices": [1, 2, 3]},
    "added tokens": {"added": 600},
    "rows that were cut off": {"added": 1},
}


SHAPE = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
}  # fmt: skip
GPT2 = {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 512}
STATES = {"mamba_n_heads": 8, "mamba_d_head": 8, "mamba_d_state": 8, "mamba_n_groups": 1, "mamba_chunk_size": 8}

# model_type: (what its configuration says more, whether the output layer's rows do, whether contexts are kept)
ARCHITECTURES = {
    "gpt2": (GPT2, True, True),
    "llama": ({}, True, True),
    "mistral": ({"sliding_window": 8}, True, True),
    "mixtral": ({"num_local_experts": 4}, True, True),
    "qwen2": ({}, True, True),
    "qwen3": ({"head_dim": 8}, True, True),
    "phi": ({}, True, True),
    "phi3": ({"sliding_window": 8}, True, True),
    "gemma": ({"head_dim": 8}, True, True),
    "gemma2": ({"head_dim": 8, "sliding_window": 8, "final_logit_softcapping": 1.0}, False, True),
    "gemma3_text": ({"head_dim": 8, "sliding_window": 8}, True, True),
    "gpt_oss": ({"head_dim": 8, "sliding_window": 8, "num_local_experts": 4, "num_experts_per_tok": 2}, True, True),
    "cohere": ({"logit_scale": 0.5}, False, True),
    "granite": ({"logits_scaling": 4.0}, False, True),
    "opt": ({"ffn_dim": 64, "word_embed_proj_dim": 32}, True, True),
    "bloom": ({"n_layer": 4, "n_head": 4}, True, True),
    "mamba": ({"state_size": 8}, True, False),
    "mamba2": ({"state_size": 8, "num_heads": 8, "head_dim": 8, "n_groups": 1, "chunk_size": 8}, True, False),
    "falcon_h1": ({**STATES, "mamba_d_ssm": 64, "head_dim": 8}, True, False),
    "bamba": ({**STATES, "attn_layer_indices": [1, 3]}, True, False),
    "lfm2": ({"layer_types": ["conv", "full_attention"] * 2}, True, False),
    "rwkv": ({"attention_hidden_size": 32}, True, False),
    "recurrent_gemma": ({"lru_width": 32, "attention_window_size": 8, "head_dim": 8}, False, False),
}


def model_of(model_type, words, **changes):
    """A random model of an architecture, for so many words."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    torch.manual_seed(5)
    shape = {**SHAPE, "vocab_size": words, **ARCHITECTURES.get(model_type, ({},))[0], **changes}
    return loud(AutoModelForCausalLM.from_config(CONFIG_MAPPING[model_type](**shape)))


def loud(model):
    """Larger random weights: predictions that depend on the prompt, each position and each layer."""
    import torch

    generator = torch.Generator().manual_seed(3)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data += noise * (0.3 if parameter.dim() > 1 else 0.1)
    return model.eval()


TURNS = (
    "{% for m in messages %}[{{ m.role }}] {{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}[assistant] {% endif %}"
)
"""A form of a chat."""


def chat_model(base, folder, form=TURNS):
    """A copy of a base whose tokenizer brings a chat template."""
    from transformers import AutoTokenizer

    shutil.copytree(base, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = form
    tokenizer.save_pretrained(folder)
    return folder


def make_adapter(base, folder, added=0, **shape):
    """An adapter by plain PEFT, its weights drawn; `added` tokens, and what LoraConfig takes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(base)
    if added:
        tokenizer = AutoTokenizer.from_pretrained(base)
        tokenizer.add_tokens([f"<added {number}>" for number in range(added)])
        model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        tokenizer.save_pretrained(folder)
    wanted = {"r": 16, "lora_alpha": 32, "lora_dropout": 0.1, "target_modules": ["c_attn", "c_proj"]}
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **wanted | shape))
    generator = torch.Generator().manual_seed(1)
    for parameter in adapted.parameters():
        if parameter.requires_grad:
            parameter.data += torch.randn(parameter.shape, generator=generator) * 0.05
    adapted.save_pretrained(folder)
    return folder


def independent(folder, base, encoder, prompt):
    """Log-probabilities of the words by PEFT alone: nothing merged, nothing cached, one whole pass for each."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    rows = json.loads((folder / "adapter_config.json").read_text())
    assert rows["peft_type"] == "LORA"
    model = AutoModelForCausalLM.from_pretrained(base)
    if (folder / "tokenizer.json").is_file():
        model.resize_token_embeddings(len(encoder.tokenizer), mean_resizing=False)
    model = PeftModel.from_pretrained(model, folder).eval()
    before = encoder.prompts([prompt])[0]
    found = []
    for side in Side:
        tokens = encoder.side(side)
        with torch.no_grad():
            each = torch.log_softmax(model(torch.tensor([[*before, *tokens]])).logits[0].double(), dim=1)
        found.append(sum(float(each[len(before) + place - 1, token]) for place, token in enumerate(tokens)))
    return np.array(found) - np.log(np.exp(found).sum())
