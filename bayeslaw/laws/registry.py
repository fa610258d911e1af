"""The laws by name. A new law is one file in this folder and one line here."""

from collections.abc import Mapping

from bayeslaw.laws import chinchilla, family_loss, reducible_ratio
from bayeslaw.laws.law import Law

LAWS: Mapping[str, Law] = {
    law.name: law for law in (family_loss.LAW, reducible_ratio.LAW, chinchilla.LAW)
}
