"""Drives the official sagemaker SDK, unmodified, against the endpoint of AWS_ENDPOINT_URL; prints what it saw as JSON."""

import json
import sys

import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.estimator import Estimator
from sagemaker.serializers import IdentitySerializer

role, image, bucket = sys.argv[1:]
session = sagemaker.Session(default_bucket=bucket)
inputs = session.upload_string_as_file_body("1,2\n3,4\n", bucket=bucket, key="train/a.csv")
estimator = Estimator(
    image_uri=image,
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{bucket}/out",
    sagemaker_session=session,
    hyperparameters={"steps": 3},
    metric_definitions=[{"Name": "loss", "Regex": "loss=([0-9.]+);"}],
    base_job_name="sdk",
)
estimator.fit({"train": f"s3://{bucket}/train/"}, wait=False)
session.logs_for_job(estimator.latest_training_job.name, wait=True, poll=1)  # what fit(logs="All") does, every second instead of ten
job = estimator.latest_training_job.describe()
predictor = estimator.deploy(
    initial_instance_count=1,
    instance_type="ml.m5.large",
    serializer=IdentitySerializer(content_type="application/x-image"),
    deserializer=JSONDeserializer(),
    wait=False,
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # what deploy(wait=True) does, every second instead of thirty
answer = predictor.predict(b"12345")
predictor.delete_model()
predictor.delete_endpoint()
seen = {
    "status": job["TrainingJobStatus"],
    "model_data": estimator.model_data,
    "metrics": [m["MetricName"] for m in job["FinalMetricDataList"]],
    "answer": answer,
    "endpoints": session.sagemaker_client.list_endpoints()["Endpoints"],
}
print("SEEN " + json.dumps(seen))
