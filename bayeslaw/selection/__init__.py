"""Which runs to make next."""

from bayeslaw.selection.candidates import Costs as Costs
from bayeslaw.selection.plan import NextRun as NextRun
from bayeslaw.selection.plan import NextRuns as NextRuns
from bayeslaw.selection.planning import next_runs as next_runs
