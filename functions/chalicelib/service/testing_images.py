"""Which objects below a path a service is tested with, and what is known of their true labels.

Images that are uploaded for it lie in a folder of the service in the data bucket, in no dataset: there the thirty newest are kept.
Under any other path nothing is written or removed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

from chalicelib.domain.indexing import is_file_path
from chalicelib.domain.service import Service
from chalicelib.domain.service_test import MAX_IMAGES, MAX_LISTED, ImageAnswer, ImageAnswers
from chalicelib.ports import Platform, StoredObject
from chalicelib.service.finding import find_model
from droplearn.contracts.dataset import ExampleStatus
from droplearn.contracts.errors import InvalidRequest
from droplearn.contracts.s3_layout import parse_example_key, service_images_prefix
from droplearn.scenarios import scenario_named
from droplearn.scenarios.scenario import Recognised

_INPUT = (ExampleStatus.LABELLED, ExampleStatus.UNLABELLED)


class Selection(NamedTuple):
    """`images`: newest first; `to_remove`: of the service's own folder, what newer ones have displaced."""

    images: list[StoredObject]
    to_remove: list[StoredObject]
    left_out_count: int
    skipped_count: int


def is_own_folder(service: Service, path: str) -> bool:
    """Only there may anything be removed."""
    return path.startswith(service_images_prefix(service.project, service.id))


def select(platform: Platform, service: Service, path: str) -> Selection:
    """Raises InvalidRequest (`service_test.too_many_objects`)."""
    listed = list(islice(platform.dropped.listed(path), MAX_LISTED + 1))
    if len(listed) > MAX_LISTED:
        raise InvalidRequest(
            "service_test.too_many_objects",
            f"More than {MAX_LISTED:,} objects lie below {path}.",
            hint="Name a narrower path; a batch job answers about any number.",
        )
    listed.sort(key=lambda found: (found.changed_at, found.key), reverse=True)
    kept, displaced = (listed[:MAX_IMAGES], listed[MAX_IMAGES:]) if is_own_folder(service, path) else (listed, [])
    fit = [found for found in kept if is_file_path(found.key) and _seen(service, found).status in _INPUT]
    return Selection(fit[:MAX_IMAGES], displaced, len(fit[MAX_IMAGES:]), len(kept) - len(fit))


def unanswered(platform: Platform, service: Service, model: str, images: Sequence[StoredObject]) -> ImageAnswers:
    """Nobody was asked yet; true labels that the model does not know are left out."""
    labels, known = true_labels(platform, service, [image.key for image in images]), frozenset(find_model(platform, model).labels)
    fitting = {key: label for key, label in labels.items() if label in known}
    return ImageAnswers(images=[ImageAnswer(key=i.key, size_bytes=i.size_bytes, true_label=fitting.get(i.key)) for i in images])


def kept_images(platform: Platform, service: Service) -> list[StoredObject]:
    """Of the service's own folder, newest first."""
    found = platform.dropped.listed(service_images_prefix(service.project, service.id))
    return sorted(found, key=lambda image: (image.changed_at, image.key), reverse=True)[:MAX_IMAGES]


def remove_image(platform: Platform, service: Service, name: str) -> None:
    """Of the service's own folder. Nothing happens when it is not there."""
    key = service_images_prefix(service.project, service.id) + name
    if is_own_folder(service, key):
        platform.service_images.remove([key])


def true_labels(platform: Platform, service: Service, keys: Sequence[str]) -> dict[str, str]:
    """What the dataset knows of an example, else what its folder says; keys without a label are left out."""
    labels = {key: label for key in keys if (label := _seen(service, StoredObject(key, 1, "")).label)}
    by_dataset: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for place in filter(None, map(parse_example_key, keys)):
        by_dataset[place.project, place.dataset][place.path] = place.key
    for (project, dataset), paths in by_dataset.items():
        for path, example in platform.examples.read(project, dataset, list(paths)).items():
            if example.label:
                labels[paths[path]] = example.label
    return labels


def _seen(service: Service, found: StoredObject) -> Recognised:
    """From the key alone, below the service's own folder or below a dataset."""
    own = service_images_prefix(service.project, service.id)
    path = found.key.removeprefix(own) if found.key.startswith(own) else found.key.split("/", 2)[-1]
    return scenario_named(service.scenario).recognise(path, found.size_bytes)
