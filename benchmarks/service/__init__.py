"""The web service: what a request, an event and a job cost that paints nothing.
`python -m benchmarks.service`."""
