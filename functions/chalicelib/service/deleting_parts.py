"""What a project has beside its models, kind by kind. False: time is short, and there is more."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.batch_job import batch_jobs_of
from chalicelib.domain.budget import admissions_of
from chalicelib.domain.dataset import datasets_of
from chalicelib.domain.service import services_of
from chalicelib.domain.service_event import events_of
from chalicelib.domain.service_test import tests_of
from chalicelib.domain.service_version import updates_of, versions_of
from chalicelib.domain.strategy import filters_of, strategies_of
from chalicelib.domain.task import tasks_of
from chalicelib.ports import Platform, Records
from chalicelib.service.deleting import HasTime, delete_below, delete_listed, delete_records, delete_version
from chalicelib.service.finding import listed
from droplearn.contracts.s3_layout import batch_files_prefix, results_prefix, service_models_prefix, service_tests_prefix, task_prefix


def delete_batch_jobs(platform: Platform, project: str, has_time: HasTime) -> bool:
    """With their results: the user's own objects are another bucket's."""
    for job in listed(platform.batch_jobs, batch_jobs_of(project)):
        if not all(delete_below(platform, prefix, has_time) for prefix in (batch_files_prefix(job.id), results_prefix(job.id))):
            return False
        platform.batch_jobs.remove(job.id)
    return True


def delete_services(platform: Platform, project: str, has_time: HasTime) -> bool:
    """Services that are over, and all that tells of them. Their rows of tables expire."""
    for service in listed(platform.services, services_of(project)):
        lists: list[tuple[Records[Any], str]] = [
            (platform.service_versions, versions_of(service.id)),
            (platform.service_updates, updates_of(service.id)),
            (platform.service_tests, tests_of(service.id)),
            (platform.service_events, events_of(service.id)),
        ]
        prefixes = (service_models_prefix(service.id), service_tests_prefix(service.id))
        if not all(delete_below(platform, prefix, has_time) for prefix in prefixes):
            return False
        if not all(delete_listed(records, place, has_time) for records, place in lists):
            return False
        platform.services.remove(service.id)
    return True


def delete_tasks(platform: Platform, project: str, has_time: HasTime) -> bool:
    """With the dataset versions that they learnt from."""
    for task in listed(platform.tasks, tasks_of(project)):
        if not delete_version(platform, project, task.dataset_version, has_time):
            return False
        if not delete_below(platform, task_prefix(task.id), has_time):
            return False
        platform.tasks.remove(task.id)
    return True


def delete_datasets(platform: Platform, project: str, has_time: HasTime) -> bool:
    """The index; what was dropped stays."""
    for dataset in listed(platform.datasets, datasets_of(project)):
        if not platform.examples.remove_all(project, dataset.name, has_time):
            return False
        platform.datasets.remove(dataset.key)
    return True


def delete_rest(platform: Platform, project: str, has_time: HasTime) -> bool:
    """Strategies, filters, the budget and what it let in."""
    lists: list[tuple[Records[Any], str]] = [
        (platform.strategies, strategies_of(project)),
        (platform.filters, filters_of(project)),
        (platform.admissions, admissions_of(project)),
    ]
    is_done = all(delete_listed(records, place, has_time) for records, place in lists)
    return is_done and delete_records(platform.budgets, [project], has_time)
