"""What bayeslaw costs, how well it is calibrated, and how it compares with others."""
