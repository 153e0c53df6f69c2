"""Every Lambda of the control plane. A handler only hands over, and imports when called: a cold start loads what it needs.

The logical name of each in infra/template.yaml is its name here in PascalCase.
"""

from typing import Any

from chalice import Chalice

app = Chalice(app_name="droplearn")


# ---- HTTP -----------------------------------------------------------------------------------------------------------
@app.lambda_function()
def api(event: Any, context: Any) -> Any:
    """The HTTP API but for predictions."""
    from chalicelib.api.http import handle

    return handle(event, context)


@app.lambda_function()
def predict(event: Any, context: Any) -> Any:
    """`POST /v1/services/{service_id}/predict`."""
    from chalicelib.api.predict import handle

    return handle(event, context)


@app.lambda_function()
def issue_admin_token(event: Any, _context: Any) -> Any:
    """The first token, for whoever IAM lets invoke this."""
    from chalicelib.reactions.issue_admin_token import handle

    return handle(event)


# ---- drops ----------------------------------------------------------------------------------------------------------
@app.lambda_function()
def index_objects(event: Any, _context: Any) -> Any:
    """Drop messages -> examples and counters."""
    from chalicelib.reactions.index_objects import handle

    return handle(event)


@app.lambda_function()
def check_quiet(event: Any, _context: Any) -> Any:
    """Has a dataset been quiet long enough to start its task?"""
    from chalicelib.reactions.quiet_period import handle

    return handle(event)


# ---- steps of the state machines ------------------------------------------------------------------------------------
@app.lambda_function()
def plan_training(event: Any, _context: Any) -> Any:
    """Step PlanTraining of learn."""
    from chalicelib.steps.plan_training import handle

    return handle(event)


@app.lambda_function()
def register_model(event: Any, _context: Any) -> Any:
    """Step RegisterModel of learn."""
    from chalicelib.steps.register_model import handle

    return handle(event)


@app.lambda_function()
def plan_optimisation(event: Any, _context: Any) -> Any:
    """Step PlanOptimisation of learn."""
    from chalicelib.steps.plan_optimisation import handle

    return handle(event)


@app.lambda_function()
def record_optimisation(event: Any, _context: Any) -> Any:
    """Step RecordOptimisation of learn."""
    from chalicelib.steps.record_optimisation import handle

    return handle(event)


@app.lambda_function()
def start_deployment(event: Any, _context: Any) -> Any:
    """Step StartDeployment of learn."""
    from chalicelib.steps.start_deployment import handle

    return handle(event)


@app.lambda_function()
def plan_evaluation(event: Any, _context: Any) -> Any:
    """Step PlanEvaluation of evaluate."""
    from chalicelib.steps.plan_evaluation import handle

    return handle(event)


@app.lambda_function()
def record_evaluation(event: Any, _context: Any) -> Any:
    """Step RecordEvaluation of evaluate."""
    from chalicelib.steps.record_evaluation import handle

    return handle(event)


@app.lambda_function()
def plan_deployment(event: Any, _context: Any) -> Any:
    """Step PlanDeployment of deploy."""
    from chalicelib.steps.plan_deployment import handle

    return handle(event)


@app.lambda_function()
def await_endpoint(event: Any, _context: Any) -> Any:
    """Step AwaitEndpoint of deploy."""
    from chalicelib.steps.await_endpoint import handle

    return handle(event)


@app.lambda_function()
def set_autoscaling(event: Any, _context: Any) -> Any:
    """Step SetAutoscaling of deploy."""
    from chalicelib.steps.set_autoscaling import handle

    return handle(event)


@app.lambda_function()
def plan_serving(event: Any, _context: Any) -> Any:
    """Step PlanServing of deploy."""
    from chalicelib.steps.plan_serving import handle

    return handle(event)


@app.lambda_function()
def plan_update(event: Any, _context: Any) -> Any:
    """Steps PlanUpdate and PlanUpdateAfterError of update."""
    from chalicelib.steps.plan_update import handle

    return handle(event)


@app.lambda_function()
def await_update(event: Any, _context: Any) -> Any:
    """Step AwaitUpdate of update."""
    from chalicelib.steps.await_update import handle

    return handle(event)


@app.lambda_function()
def remove_endpoint(event: Any, _context: Any) -> Any:
    """Step RemoveEndpoint of deploy."""
    from chalicelib.steps.remove_endpoint import handle

    return handle(event)


@app.lambda_function()
def load_tables(event: Any, context: Any) -> Any:
    """Step LoadTables of deploy."""
    from chalicelib.steps.load_tables import handle

    return handle(event, context)


@app.lambda_function()
def remove_tables(event: Any, _context: Any) -> Any:
    """Step RemoveTables of deploy."""
    from chalicelib.steps.remove_tables import handle

    return handle(event)


@app.lambda_function()
def plan_batch(event: Any, _context: Any) -> Any:
    """Step PlanBatch of batch."""
    from chalicelib.steps.plan_batch import handle

    return handle(event)


@app.lambda_function()
def settle_transform(event: Any, _context: Any) -> Any:
    """Step SettleTransform of batch."""
    from chalicelib.steps.settle_transform import handle

    return handle(event)


@app.lambda_function()
def summarise(event: Any, context: Any) -> Any:
    """Step Summarise of batch."""
    from chalicelib.steps.summarise import handle

    return handle(event, context)


@app.lambda_function()
def delete_model(event: Any, context: Any) -> Any:
    """Step DeleteModel of delete."""
    from chalicelib.steps.delete_model import handle

    return handle(event, context)


@app.lambda_function()
def delete_project(event: Any, context: Any) -> Any:
    """Step DeleteProject of delete."""
    from chalicelib.steps.delete_project import handle

    return handle(event, context)


@app.lambda_function()
def record_failure(event: Any, _context: Any) -> Any:
    """Step RecordFailure of all."""
    from chalicelib.steps.record_failure import handle

    return handle(event)


# ---- reactions to events --------------------------------------------------------------------------------------------
@app.lambda_function()
def endpoint_changed(event: Any, _context: Any) -> Any:
    """SageMaker says that an endpoint changed."""
    from chalicelib.reactions.endpoint_changed import handle

    return handle(event)


@app.lambda_function()
def sweep_services(_event: Any, _context: Any) -> Any:
    """Every ten minutes: nothing is billed that nobody knows of, and no service says that it runs when it does not."""
    from chalicelib.reactions.sweep_services import handle

    return handle()


@app.lambda_function()
def execution_ended(event: Any, _context: Any) -> Any:
    """Step Functions says that an execution ended badly."""
    from chalicelib.reactions.execution_ended import handle

    return handle(event)
