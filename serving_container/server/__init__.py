"""The prediction server: SageMaker's /ping and /invocations around one model.

It sees only the model folder; started by `python -m server serve`.
"""
