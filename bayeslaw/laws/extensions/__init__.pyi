from .crosslingual_transfer import TRANSFER as TRANSFER
from .crosslingual_transfer import with_own as with_own
from .drift import DRIFT as DRIFT
from .drift import TOKEN_DRIFT as TOKEN_DRIFT
from .repetition import REPETITION as REPETITION
from .repetition import worth as worth
from .trunk_offset import TRUNK_OFFSET as TRUNK_OFFSET
