"""What the use cases need from the outside. adapters/ has it on AWS, tests/fakes.py in memory; one contract suite runs on both.

A port raises DropLearnErrors only: TransientError to be tried again, InternalError for what no caller can mend.
"""

from chalicelib.ports.announcements import Announcer
from chalicelib.ports.drops import DroppedFiles, DropQueue, QuietMessage, QuietTimer
from chalicelib.ports.endpoints import Answer, Autoscaling, Endpoints, EndpointState, Invoker, ServiceMetrics
from chalicelib.ports.examples import ExampleStore, WriteConflict
from chalicelib.ports.executions import Executions
from chalicelib.ports.job_logs import JobKind, JobLogs, LogLine
from chalicelib.ports.jobs import StopAnswer, TrainingJob, TrainingJobs, TransformJob, TransformJobs
from chalicelib.ports.objects import Artifacts, Lines, Links, ServiceImages, StoredObject
from chalicelib.ports.platform import Platform
from chalicelib.ports.recall_tables import RecallTables
from chalicelib.ports.records import Records
from chalicelib.ports.sweeps import SweepSchedule
from chalicelib.ports.trials import TrialAnswer, TrialQuestion, TrialRunner

__all__ = [
    "Announcer",
    "Answer",
    "Artifacts",
    "Autoscaling",
    "DropQueue",
    "DroppedFiles",
    "EndpointState",
    "Endpoints",
    "ExampleStore",
    "Executions",
    "Invoker",
    "JobKind",
    "JobLogs",
    "Lines",
    "Links",
    "LogLine",
    "Platform",
    "QuietMessage",
    "QuietTimer",
    "RecallTables",
    "Records",
    "ServiceImages",
    "ServiceMetrics",
    "StopAnswer",
    "StoredObject",
    "SweepSchedule",
    "TrainingJob",
    "TrainingJobs",
    "TransformJob",
    "TransformJobs",
    "TrialAnswer",
    "TrialQuestion",
    "TrialRunner",
    "WriteConflict",
]
