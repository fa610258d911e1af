from .double_precision import in_float64 as in_float64
from .intervals import interval_levels as interval_levels
from .number_text import percent as percent
from .number_text import probability_is as probability_is
from .number_text import probability_text as probability_text
