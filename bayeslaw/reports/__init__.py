"""One offline HTML file that shows a decision and everything behind it."""

from bayeslaw.reports.document import report

__all__ = ["report"]
