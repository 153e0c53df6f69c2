"""The ports on AWS: the only place of the control plane that knows boto3. `aws.py` translates its errors, once."""
