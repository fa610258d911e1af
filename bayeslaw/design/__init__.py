"""Which runs to make next."""

from bayeslaw.design.candidates import Costs as Costs
from bayeslaw.design.plan import NextRun as NextRun
from bayeslaw.design.plan import NextRuns as NextRuns
from bayeslaw.design.planning import next_runs as next_runs
