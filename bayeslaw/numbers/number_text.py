"""Shares and probabilities as people read them."""

import math


def percent(share: float) -> str:
    """Write a share with two significant digits, small ones as a bound.

    Example:
      >>> percent(0.0123), percent(1e-6)
      ('1.2 %', '< 0.001 %')
    """
    value = 100 * share
    if value == 0 or not math.isfinite(value):
        return f"{value:g} %"
    if abs(value) < 0.001:
        return "< 0.001 %"
    decimals = min(3, max(0, 1 - math.floor(math.log10(abs(value)))))
    return f"{value:.{decimals}f} %"


def probability_text(value: float) -> str:
    """Write a probability estimated from draws, which never prove 0 or 1."""
    if value >= 0.995:
        return "> 0.99"
    return "< 0.01" if value < 0.005 else f"{value:.2f}"


def probability_is(value: float) -> str:
    """Write a probability as the end of a sentence: = 0.50, > 0.99."""
    shown = probability_text(value)
    return shown if shown[0] in "<>" else f"= {shown}"
