"""How the loss is minimised:
L-BFGS, Adam, the average of iterates, and when to stop."""
