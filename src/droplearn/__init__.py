"""droplearn's shared package: contracts, scenarios, and the client that a person types at."""

__version__ = "0.1.0"
