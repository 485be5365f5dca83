"""Answers as token ids: what is taught reads back, whatever the tokenizer does with spaces."""

import pytest

pytest.importorskip("tokenizers", reason="the train extra is not installed")

from rook_bench.core import InputError, Side
from rook_bench.language.base import load_base
from rook_bench.language.template import load_template, shipped_templates
from rook_bench.language.tokens import Encoder

PLAIN = [name for name in shipped_templates() if load_template(name).chat is None]

ANSWERS = [(Side.BUY, 0.05, 50.0, 300.0), (Side.SELL, 0.08, 30.0, 120.0), (Side.HOLD, 0.0, 50.0, 300.0)]
TEXTS = [
    " BUY Size: 0.050 Slippage: 50bps Deadline: 300s",
    " buy 5 50 300",
    " hold",
    " sell size 0.080 slippage 30bps",
] * 4


def llama2(begin=True):
    """A tokenizer of the Llama 2 kind: a space before every text, and one taken away when it is decoded."""
    from tokenizers import Tokenizer, decoders, models, normalizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    made.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    special = ["<unk>", "<s>", "</s>", *(f"<0x{code:02X}>" for code in range(256))]
    made.train_from_iterator(TEXTS * 20, trainers.BpeTrainer(vocab_size=600, special_tokens=special))
    if begin:
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A", special_tokens=[("<s>", made.token_to_id("<s>"))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


@pytest.fixture(scope="module")
def tokenizers(mini_base):
    return {"gpt2": load_base(str(mini_base)).tokenizer, "llama2": llama2(), "llama2 without a begin": llama2(False)}


@pytest.mark.parametrize("kind", ["gpt2", "llama2", "llama2 without a begin"])
@pytest.mark.parametrize("name", PLAIN)
def test_what_is_taught_reads_back(tokenizers, kind, name):
    template = load_template(name)
    encoder, answer = Encoder(tokenizers[kind], template), template.answer
    for side, *values in ANSWERS:
        ids, parts = encoder.answer_ids(side, *values)
        assert len(ids) == len(parts)
        text = encoder.text_of(ids[:-1])
        assert text == "".join(piece for _, piece in answer.pieces(side, *values))
        assert answer.read(text).side == side
    encoder.check_reads_back({side: [tuple(values)] for side, *values in ANSWERS})


def test_a_space_of_ones_own_is_not_taught(tokenizers):
    """Part by part the kind would write ` BUY  Size:`, which no strict reader takes."""
    tokenizer = tokenizers["llama2"]
    alone = [
        token for text in (" BUY", " Size: 0.050") for token in tokenizer(text, add_special_tokens=False)["input_ids"]
    ]
    assert "  Size" in tokenizer.decode(alone)
    encoder = Encoder(tokenizer, load_template("rook-v1"))
    ids = [*encoder.piece(" BUY"), *encoder.piece(" Size: 0.050")]
    assert encoder.text_of(ids) == " BUY Size: 0.050"
    assert encoder.begin == [tokenizer.bos_token_id]


def test_gpt2_is_encoded_as_it_was(tokenizers):
    tokenizer = tokenizers["gpt2"]
    for name in PLAIN:
        encoder = Encoder(tokenizer, load_template(name))
        for side, *values in ANSWERS:
            for _, text in encoder.answer.pieces(side, *values):
                assert list(encoder.piece(text)) == tokenizer(text)["input_ids"]


def test_a_tokenizer_that_loses_something_is_refused_before_training():
    from tokenizers import normalizers

    lossy = llama2()
    lossy.backend_tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Lowercase(), normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    encoder = Encoder(lossy, load_template("rook-v1"))
    with pytest.raises(InputError, match=r"writes the answer ' BUY Size: 0\.050.*' as ' buy size.*which is no answer"):
        encoder.check_reads_back({Side.BUY: [(0.05, 50.0, 300.0)]})
