"""What checks the package's annotations at every call of a test, see pyproject.toml."""

from beartype import BeartypeConf, beartype

# An int passes where a float is wanted, as mypy has it.
check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
