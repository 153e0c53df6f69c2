"""API Gateway's HTTP API on a local port: routes from the twin (`routes`), payload format 2.0 (`payload`), a threaded server (`server`)."""
