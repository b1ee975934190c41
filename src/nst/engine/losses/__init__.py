"""What is minimised: the terms of the loss and their weighted sum, `objective.Objective`."""
