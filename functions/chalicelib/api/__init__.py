"""The HTTP API: one module per noun. `http.handle` is the Lambda `api`, `predict.handle` the Lambda `predict`."""
