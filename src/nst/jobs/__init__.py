"""The application: what a job is and what is done with it."""
