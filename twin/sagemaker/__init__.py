"""SageMaker's computing as local processes: training and processing jobs, endpoints. moto keeps models and endpoint configurations."""
