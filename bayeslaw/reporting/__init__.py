"""One offline HTML file that shows a decision and everything behind it."""

from bayeslaw.reporting.document import report

__all__ = ["report"]
