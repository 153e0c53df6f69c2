"""The twin's CloudFormation: the packaged template is expanded (`expand`), resolved (`intrinsics`) and applied through boto3 (`stack`)."""
