"""Settings of a deployment: the environment variables NST_*.
`groups` declares them, `environment` reads them, and only `bootstrap` calls `environment`."""
