"""Time of the best mixture beside SLSQP and cvxpy."""
