"""The laws by name. A new law is one file in this folder and one line here."""

from collections.abc import Mapping

from bayeslaw.law import Law
from bayeslaw.laws import family_loss

LAWS: Mapping[str, Law] = {law.name: law for law in (family_loss.LAW,)}
