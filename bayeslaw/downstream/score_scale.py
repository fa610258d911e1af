"""The scale on which a score follows its law: as is, sign reversed, or its logit."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from bayeslaw.errors import InputError

Scores = Float[np.ndarray, "*shape"]


@dataclass(frozen=True)
class Scale:
    """Conversion between the values of the table and the scale of the law.

    Attributes:
      larger_is_better: False for losses, whose sign is reversed.
      top: best possible value, where the logit of value / top follows the law: for
        bounded metrics such as accuracy. None for the value itself.
    """

    larger_is_better: bool = True
    top: float | None = None

    def law(
        self, value: Float[np.ndarray, " point"], se: Float[np.ndarray, " point"]
    ) -> tuple[Float[np.ndarray, " point"], Float[np.ndarray, " point"]]:
        """Values and standard errors on the scale of the law; larger is better.

        Raises:
          InputError: a logit of a value that is not between 0 and top.
        """
        if self.top is None:
            return (value if self.larger_is_better else -value), se
        share = value / self.top
        outside = (share <= 0) | (share >= 1)
        if outside.any():
            raise InputError(
                "a logit needs scores strictly inside their bounds",
                "column `value`",
                f"{value[outside][0]:.6g}",
                f"between 0 and {self.top:g}, both excluded",
                "omit --logit (logit=False) for this metric, or correct its unit",
            )
        sign = 1 if self.larger_is_better else -1
        return sign * np.log(share / (1 - share)), se / (self.top * share * (1 - share))

    def score(self, y: Scores) -> Scores:
        """Scores in the table's unit, larger is better: losses are negative."""
        sign = 1 if self.larger_is_better else -1
        if self.top is None:
            return y
        return np.asarray(sign * self.top / (1 + np.exp(-sign * y)))

    def size(self, y: Float[np.ndarray, " point"]) -> float:
        """L: the mean size of values, 1 of logits. All priors are relative to it."""
        return float(np.abs(y).mean()) if self.top is None else 1.0


AS_IT_IS = Scale()
