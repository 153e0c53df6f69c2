"""Use cases: functions of domain input and the ports. No AWS, no HTTP."""
