"""IAM, always enforced: what a request needs (`requests`), what policies allow (`policies`), and the gate (`enforcement`)."""
