from .checks import check as check
from .checks import prior_check as prior_check
from .data import read_speakers as read_speakers
from .data.losses import read_runs as read_runs
from .data.scores import read_curves as read_curves
from .decisions import Constraints as Constraints
from .decisions import LinearLimit as LinearLimit
from .decisions import forecast as forecast
from .decisions import optimal_ratios as optimal_ratios
from .decisions import recipe as recipe
from .design import Costs as Costs
from .design import DesignSettings as DesignSettings
from .design import next_runs as next_runs
from .downstream import breaks as breaks
from .evaluation import compare as compare
from .evaluation import decision_sensitivity as decision_sensitivity
from .evaluation import simulate as simulate
from .inference import fit as fit
from .inference import load_posterior as load_posterior
from .inference import predict as predict
from .inference import save_posterior as save_posterior
from .laws import LAWS as LAWS
from .model import read_spec as read_spec
from .reports import report as report

__version__: str
