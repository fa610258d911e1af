"""Records of the study file: which proxies are trained on which mixtures, and how.

Axis letters of array names, used in `transformer`, `train` and `evaluate`:

  B  sequences of a batch        D  width of the residual stream
  L  tokens of a sequence        H  attention heads
  V  vocabulary                  K  width of a head
  S  steps of a chunk            F  hidden width of the feed-forward layer
  A  forward passes of a step
"""

import hashlib
import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    model_serializer,
    model_validator,
)

# Raised by one when the harness changes the numbers that a given spec yields.
HARNESS_VERSION = 1


class Record(BaseModel):
    """A frozen record read from TOML; unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Fields that came after the first studies. They are not written while they have
    # their default, so that the hashes of older runs stay what they are.
    ADDED: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _write(self, handler: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        default = {name: type(self).model_fields[name].default for name in self.ADDED}
        return {
            name: value
            for name, value in handler(self).items()
            if name not in default or value != default[name]
        }


class StudyHeader(Record):
    """Name and origin of the study."""

    name: str  # first column of every observation
    origin: Literal["measured"] = "measured"  # a training run is always measured


class CorpusConfig(Record):
    """The text shipped with the package, and how it is divided."""

    source: Literal["sample:"] = "sample:"
    families: tuple[str, ...] = Field(min_length=1)  # order of the families in tables
    held_out_share: float = 0.1  # expected share of the documents held out


class BuiltCorpusConfig(Record):
    """A corpus that `bayeslaw corpora build` has divided and tokenised.

    The digest identifies it, wherever it is stored. The path is relative to the study
    file and is not part of the spec, so a run is the same on every machine.
    """

    source: Literal["folder:"]
    families: tuple[str, ...] = Field(min_length=1)  # order of the families in tables
    digest: str = ""  # of the corpus; filled in from its folder where not stated
    path: str = Field(default="", exclude=True)  # seen from the study file's folder

    @model_validator(mode="before")
    @classmethod
    def _split_source(cls, fields: Any) -> Any:
        """Split `source = "folder:PATH"` into its parts."""
        if isinstance(fields, dict) and isinstance(fields.get("source"), str):
            kind, colon, path = fields["source"].partition(":")
            if path:
                return fields | {"source": kind + colon, "path": path}
        return fields


def _corpus_kind(fields: Any) -> str:
    """Select the record that a table [corpus] describes."""
    source = fields.get("source") if isinstance(fields, dict) else fields.source
    return "folder" if str(source).startswith("folder:") else "sample"


AnyCorpusConfig = Annotated[
    Annotated[CorpusConfig, Tag("sample")]
    | Annotated[BuiltCorpusConfig, Tag("folder")],
    Discriminator(_corpus_kind),
]


class TokenizerConfig(Record):
    """How text is converted to integers."""

    # 256 byte values and one document separator, or the pieces of a built corpus
    kind: Literal["bytes", "sentencepiece"] = "bytes"


class Proxy(Record):
    """Shape of a proxy: `depth` sets its size, the rest follows from it.

    Layers = depth, width = depth * width_per_depth, heads = width / head_width, hidden
    width of the feed-forward layer = 8/3 width rounded up to a multiple of 8.
    """

    depth: int  # number of layers; N grows with its cube
    width_per_depth: int = 16  # fixed aspect ratio, so sizes differ in scale only
    head_width: int = 16  # fixed, so attention logits need no width scaling (muP)

    @property
    def width(self) -> int:
        """Width of the residual stream."""
        return self.depth * self.width_per_depth

    @property
    def heads(self) -> int:
        """Number of attention heads."""
        return self.width // self.head_width

    @property
    def hidden(self) -> int:
        """Hidden width of the feed-forward layer."""
        return 8 * math.ceil(self.width / 3)


class Training(Record):
    """Training settings of every run of the study."""

    ADDED = frozenset({"accumulation", "precision"})

    context: int = 128  # tokens of a sequence
    batch_size: int = 8  # sequences of a step
    accumulation: int = 1  # forward passes that a step's batch is divided into
    # Type of the matrix products; "auto": float32 on CPU, bfloat16 on accelerators.
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    learning_rate: float = 4e-3  # peak, at width `base_width`
    base_width: int = 32  # width at which no rate is scaled (muP)
    warmup: int = 32  # steps of linear warm-up
    cooldown_fraction: float = 0.25  # share of D spent cooling down
    weight_decay: float = 0.1  # decay per step = rate * this, at every width
    beta1: float = 0.9  # Adam, first moment
    beta2: float = 0.95  # Adam, second moment; short horizon for short runs
    clip_norm: float = 1.0  # gradients are scaled down to this global norm
    chunk: int = 32  # steps of one compiled scan, between two looks at the loss
    checkpoint_chunks: int = 64  # chunks between two checkpoints
    evaluate_trunk: bool = True  # also report the uncooled model at each D
    eval_tokens: int = 65536  # held-out tokens evaluated per family, at most

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one optimiser step."""
        return self.batch_size * self.context


class Translation(Record):
    """Fine-tuning of every trunk model on sentence pairs, with translation scores.

    Rows go to translations.csv next to the table of losses.
    """

    tasks: tuple[str, ...] = Field(min_length=1)  # source-target, e.g. "en-de"
    pairs: tuple[int, ...] = Field(min_length=1)  # sizes of the training sets
    context: int | None = None  # tokens of a pair, at most; that of training if None
    epochs: float = 3.0  # passes over the training pairs, within the limits below
    min_steps: int = 1
    max_steps: int = 1000
    batch_size: int = 16  # pairs of a step
    learning_rate: float = 2e-3  # peak, at width `base_width`; falls linearly to zero
    warmup_share: float = 0.1  # share of the steps
    test_pairs: int = 500  # pairs translated and scored, at most
    beams: int = 1  # hypotheses kept; 1 is greedy
    untrained: bool = False  # also fine-tune each run's initial weights, D_p = 0


class Grid(Record):
    """A block of runs: the product of its lists."""

    proxies: tuple[str, ...] = Field(min_length=1)  # names of [proxies]
    mixtures: tuple[str, ...] = Field(min_length=1)  # names of [mixtures]
    tokens: tuple[int, ...] = Field(min_length=1)  # values of D; a cooled model each
    seeds: tuple[int, ...] = Field(default=(0,), min_length=1)  # one run each
    tasks: tuple[str, ...] | None = None  # of [translation]; all of them if None
    untrained: bool | None = None  # of these runs; that of [translation] if None


class StudyFile(Record):
    """A complete study file."""

    study: StudyHeader
    corpus: AnyCorpusConfig
    tokenizer: TokenizerConfig | None = None  # that of the corpus if not stated
    training: Training = Training()
    proxies: dict[str, Proxy]
    mixtures: dict[str, dict[str, float]]
    grid: tuple[Grid, ...] = Field(min_length=1)
    translation: Translation | None = None


class RunSpec(Record):
    """Everything that determines the numbers of one run."""

    ADDED = frozenset({"translation"})

    study: str
    proxy_name: str
    mixture_name: str
    seed: int
    tokens: tuple[int, ...]  # values of D, rising
    mixture: dict[str, float]  # family -> ratio, all families of the corpus
    proxy: Proxy
    training: Training
    corpus: AnyCorpusConfig
    tokenizer: TokenizerConfig
    harness: int = HARNESS_VERSION
    translation: Translation | None = None

    @property
    def run(self) -> str:
        """Readable name, unique within the study."""
        return f"{self.proxy_name}-{self.mixture_name}-seed{self.seed}"

    @property
    def hash(self) -> str:
        """Name of the run's folder: hash of the complete spec."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    @property
    def entropy(self) -> int:
        """Root of the run's randomness (initial weights and order of the data).

        It depends on proxy and mixture as well as on the seed: runs with shared noise
        would not be independent observations.
        """
        text = f"{self.proxy} {sorted(self.mixture.items())} {self.seed}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])
