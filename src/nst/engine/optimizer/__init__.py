"""Minimisation of the loss: L-BFGS, Adam, average of iterates, and convergence."""
