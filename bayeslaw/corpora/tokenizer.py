"""Tokenizers that lose nothing: every token stands for bytes of text, or for none.

Bits per byte are exact only if the tokens of a text stand for the bytes of that text.
"""

import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from bayeslaw.corpora.source import Document
from bayeslaw.errors import InputError

if TYPE_CHECKING:
    from sentencepiece import SentencePieceProcessor

# Training text of the vocabulary, in bytes of each family.
SAMPLE_BYTES = 2_000_000
# Share of the vocabulary that single characters may take; rarer ones become bytes.
ALPHABET_SHARE = 0.5
# Unknown (never used), separator, 256 bytes.
RESERVED = 258
LARGEST = 2**16  # tokens are stored as uint16
BLANK = "\u2581"  # how sentencepiece writes a blank


@runtime_checkable
class Tokenizer(Protocol):
    """Converts text to integers and knows the bytes that each integer stands for."""

    name: str  # as observation tables name it
    separator: int  # token before every document
    bytes_per_token: np.ndarray  # bytes of text of each token. Shape (vocabulary,)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token numbers of some texts. Shape (token,) each, uint16."""

    def decode(self, tokens: np.ndarray) -> bytes:
        """The bytes that some tokens stand for."""


class ByteTokenizer:
    """UTF-8 bytes, and one separator before every document."""

    name = "bytes"
    separator = 256
    # Bytes of text that each token stands for; the separator stands for none.
    bytes_per_token = np.append(np.ones(256), 0.0)

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token numbers of some texts. Shape (token,) each, uint16."""
        return [np.frombuffer(t.encode(), np.uint8).astype(np.uint16) for t in texts]

    def decode(self, tokens: np.ndarray) -> bytes:
        """The bytes that some tokens stand for."""
        return bytes(tokens[tokens < self.separator].tolist())


class PieceTokenizer:
    """Pieces of a sentencepiece model, and bytes where no piece fits.

    Args:
      model: the serialised model, as returned by `train_pieces`.
    """

    def __init__(self, model: bytes):
        from sentencepiece import SentencePieceProcessor

        self._processor = SentencePieceProcessor(model_proto=model)
        ids = range(self._processor.get_piece_size())
        self._pieces = [_piece_bytes(self._processor, number) for number in ids]
        self._byte = np.array(
            [self._processor.piece_to_id(f"<0x{value:02X}>") for value in range(256)],
            np.uint16,
        )
        self.name = f"sentencepiece-{len(self._pieces)}"
        self.separator = self._processor.bos_id()
        self.bytes_per_token = np.array([float(len(p)) for p in self._pieces])

    def encode(self, texts: Sequence[str]) -> list[np.ndarray]:
        """Token numbers of some texts. Shape (token,) each, uint16."""
        coded = self._processor.encode(list(texts), return_type="numpy")
        return [
            # sentencepiece takes its own sign for a blank as a blank: such text goes
            # as bytes.
            self._byte[np.frombuffer(text.encode(), np.uint8)]
            if BLANK in text
            else tokens.astype(np.uint16)
            for text, tokens in zip(texts, coded, strict=True)
        ]

    def decode(self, tokens: np.ndarray) -> bytes:
        """The bytes that some tokens stand for."""
        return b"".join([self._pieces[number] for number in tokens.tolist()])


def train_pieces(documents: Mapping[str, Sequence[Document]], vocabulary: int) -> bytes:
    """Train a sentencepiece model on all families, with equal bytes of text from each.

    Uses byte-pair merges: training takes a second where a unigram model takes half a
    minute, and counts integers, so that every machine finds the same model.

    Args:
      documents: family -> training documents, evenly mixed in language.
      vocabulary: number of tokens, separator and bytes included.

    Raises:
      InputError: the vocabulary is too large for 16 bits or for the text, or too small.
    """
    import sentencepiece

    if not RESERVED + 2 <= vocabulary <= LARGEST:
        raise _vocabulary_error(
            str(vocabulary),
            f"{RESERVED + 2} to {LARGEST} tokens",
            "give a number in this range",
        )
    lines = list(sample_lines(documents))
    alphabet = _alphabet(lines, int((vocabulary - RESERVED) * ALPHABET_SHARE))
    model = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_known_parts(lines, alphabet),
            model_writer=model,
            model_type="bpe",
            vocab_size=vocabulary,
            byte_fallback=True,
            character_coverage=1.0,
            # What goes in must come out: no normal form, no blanks added or removed.
            normalization_rule_name="identity",
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            max_sentence_length=2**16,
            unk_id=0,
            bos_id=1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=3,
        )
    except RuntimeError as error:
        raise _vocabulary_error(
            f"{vocabulary}: {error}",
            "fewer tokens than the text has frequent pieces",
            "lower --vocabulary, or provide more text",
        ) from error
    return model.getvalue()


def sample_lines(
    documents: Mapping[str, Sequence[Document]], size: int = SAMPLE_BYTES
) -> Iterator[str]:
    """Sample lines evenly over each family, about `size` bytes from each."""
    for members in documents.values():
        total = sum(len(document.text.encode()) for document in members)
        step = max(1, total // size)
        for document in members[::step]:
            yield from filter(None, document.text.split("\n"))


def _alphabet(lines: Sequence[str], size: int) -> set[str]:
    """The most frequent characters, at most `size`."""
    counts = Counter[str]()
    for line in lines:
        counts.update(line)
    order = sorted(counts, key=lambda character: (-counts[character], character))
    return set(order[:size]) - {BLANK}


def _known_parts(lines: Sequence[str], alphabet: set[str]) -> Iterator[str]:
    """Split lines at characters outside the alphabet."""
    for line in lines:
        if alphabet.issuperset(line):
            yield line
        else:
            known = (c if c in alphabet else "\n" for c in line)
            yield from filter(None, "".join(known).split("\n"))


def _piece_bytes(processor: "SentencePieceProcessor", number: int) -> bytes:
    """The text of one token."""
    if processor.is_byte(number):
        return bytes([int(processor.id_to_piece(number)[3:5], 16)])
    if processor.is_control(number) or processor.is_unknown(number):
        return b""
    return str(processor.id_to_piece(number)).replace(BLANK, " ").encode()


def _vocabulary_error(got: str, wanted: str, fix: str) -> InputError:
    return InputError(
        "the vocabulary cannot be trained", "option --vocabulary", got, wanted, fix
    )
