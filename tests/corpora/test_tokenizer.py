"""Tokenizers lose nothing, so bits per byte are exact."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bayeslaw.corpora.sample import read_sample
from bayeslaw.corpora.source import Document
from bayeslaw.corpora.tokenizer import (
    ByteTokenizer,
    PieceTokenizer,
    sample_lines,
    train_pieces,
)
from bayeslaw.errors import InputError

FAMILIES = ("germanic", "indic", "sino_tibetan", "slavic")
VOCABULARY = 1200
# Latin, Greek, Cyrillic, Arabic, Devanagari, Tibetan, Myanmar, Hangul,
# Han, emoji; then signs that tokenizers are known to change.
SCRIPTS = [
    ("\u0020", "\u024f"),
    ("\u0370", "\u03ff"),
    ("\u0400", "\u04ff"),
    ("\u0600", "\u06ff"),
    ("\u0900", "\u097f"),
    ("\u0f00", "\u0fff"),
    ("\u1000", "\u109f"),
    ("\uac00", "\ud7a3"),
    ("\u4e00", "\u9fff"),
    ("\U0001f300", "\U0001f6ff"),
    ("\u0000", "\u001f"),
    ("\u2580", "\u2590"),
    ("\ufff0", "\uffff"),
    ("\u0300", "\u036f"),
]
characters = st.one_of(
    *(st.characters(min_codepoint=ord(a), max_codepoint=ord(b)) for a, b in SCRIPTS)
)


@pytest.fixture(scope="module")
def pieces() -> PieceTokenizer:
    return PieceTokenizer(train_pieces(read_sample(FAMILIES), VOCABULARY))


@given(text=st.text(st.one_of(characters, st.characters(codec="utf-8"))))
@example("")
@example("  two  blanks, at both ends  ")
@example(" \n\n \r\n\t x\u00a0y\u3000z ")
@example("▁ is how sentencepiece writes a blank")
@example("<s></s><unk><0x0A>\0")
@example("e\u0301 and \u00e9, ﬁ and fi, Ａ and A")
@settings(max_examples=400, deadline=None)
def test_what_goes_in_comes_out_in_any_script(pieces, text):
    tokens = pieces.encode([text])[0]
    assert tokens.dtype == np.uint16
    assert pieces.decode(tokens) == text.encode()
    assert pieces.bytes_per_token[tokens].sum() == len(text.encode())
    assert pieces.separator not in tokens


def test_every_token_stands_for_its_bytes_and_the_separator_for_none(pieces):
    assert len(pieces.bytes_per_token) == VOCABULARY
    for token in range(VOCABULARY):
        stands_for = pieces.decode(np.array([token], np.uint16))
        assert len(stands_for) == pieces.bytes_per_token[token]
    # The separator, and the unknown piece, which byte fallback never uses.
    assert list(np.flatnonzero(pieces.bytes_per_token == 0)) == [0, pieces.separator]


def test_texts_encoded_together_are_those_encoded_alone(pieces):
    texts = [f"Zeile {n}\n\nनमस्ते ▁ 世界" * (n % 3) for n in range(7)]
    together = pieces.encode(texts)
    for tokens, text in zip(together, texts, strict=True):
        np.testing.assert_array_equal(tokens, pieces.encode([text])[0])


def test_pieces_are_shorter_than_bytes_in_every_family(pieces):
    for members in read_sample(FAMILIES).values():
        text = "\n".join(document.text for document in members[::50])
        assert len(pieces.encode([text])[0]) < 0.8 * len(text.encode())


def test_the_same_text_makes_the_same_vocabulary():
    documents = {"indic": read_sample(["indic"])["indic"][:300]}
    assert train_pieces(documents, 600) == train_pieces(documents, 600)


def test_families_have_equal_parts_in_the_text_of_the_vocabulary():
    """Whatever their sizes, and over the whole of each."""
    documents = {
        "large": [Document("x", str(n), f"large {n:05d} ....") for n in range(20_000)],
        "small": [Document("y", str(n), f"small {n:05d} ....") for n in range(2_000)],
    }
    lines = list(sample_lines(documents, size=16_000))
    large = [line for line in lines if line.startswith("large")]
    assert len(large) == len(lines) - len(large) == 1000
    assert max(large) > "large 19900"


def test_the_bytes_tokenizer_counts_bytes():
    tokens = ByteTokenizer().encode(["aé", ""])
    assert [t.tolist() for t in tokens] == [[97, 195, 169], []]
    assert ByteTokenizer.bytes_per_token[tokens[0]].sum() == 3


@pytest.mark.parametrize(
    ("vocabulary", "words"),
    [(100, ["100", "260 to 65536"]), (70_000, ["70000"]), (5_000, ["5000", "lower"])],
)
def test_a_vocabulary_that_cannot_be_made_is_refused(vocabulary, words):
    with pytest.raises(InputError, match="vocabulary") as caught:
        train_pieces({"f": [Document("x", "n", "a short text")]}, vocabulary)
    assert [word for word in words if word not in str(caught.value)] == []
