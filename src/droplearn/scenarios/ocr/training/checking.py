"""The deep check: every page and annotation is opened once, nothing is recognised. Unusable pages go into the health report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from droplearn.contracts.dataset import MAX_LISTED_PROBLEMS, HealthProblem, HealthReport
from droplearn.contracts.errors import InvalidDataset
from droplearn.scenarios.annotation_formats.alignment import Unusable
from droplearn.scenarios.learning import TrainingContext
from droplearn.scenarios.learning.threads import in_threads
from droplearn.scenarios.ocr.dataset import check, too_few
from droplearn.scenarios.ocr.spec import MIN_ANNOTATED
from droplearn.scenarios.ocr.training.examples import LearningPage

_Checked = tuple[LearningPage, bool, list[HealthProblem]]


def check_pages(pages: Sequence[LearningPage], context: TrainingContext) -> tuple[list[LearningPage], list[str]]:
    """The usable pages, in their order, and warnings; saves the health report.

    Raises:
        InvalidDataset: `dataset.empty`, `dataset.too_few_examples`.
        StoppedEarly: in the middle of it.
    """
    usable, problems = set[tuple[bool, str]](), list[HealthProblem]()
    with_text = 0
    for done, (page, has_text, found) in enumerate(in_threads(_check, pages, context.deadline.check), start=1):
        problems += found
        with_text += has_text
        if not any(problem.is_excluded for problem in found):
            usable.add((page.is_old, page.example.path))
        context.log.progress("check", done, len(pages))
    warnings = check(context.source.version)
    context.store.save_health(_report(context, len(pages), problems, warnings))
    if with_text == 0:
        raise InvalidDataset(
            "dataset.empty",
            "No page has any text annotated.",
            hint="Write the text into <name>, or the field into <name> and the text into <text>, of each object of the VOC XML.",
        )
    if with_text < MIN_ANNOTATED:
        raise too_few(with_text)
    return [page for page in pages if (page.is_old, page.example.path) in usable], warnings


def _check(page: LearningPage) -> _Checked:
    path = page.example.path
    try:
        annotated = page.reader.read(page.example)
    except Unusable as error:
        return page, False, [HealthProblem(path=path, code=error.code, message=str(error), is_excluded=True)]
    problems = [HealthProblem(path=path, code=p.code, message=p.message, is_excluded=False) for p in annotated.problems]
    if not annotated.lines:
        problems.append(HealthProblem(path=path, code="no_text", message="The annotation holds no text.", is_excluded=False))
    return page, bool(annotated.lines), problems


def _report(context: TrainingContext, checked: int, problems: Sequence[HealthProblem], warnings: Sequence[str]) -> HealthReport:
    return HealthReport(
        version_id=context.source.version.version_id,
        checked_count=checked,
        excluded_count=len({p.path for p in problems if p.is_excluded}),
        problem_counts=dict(Counter(p.code for p in problems)),
        problems=sorted(problems, key=lambda p: (not p.is_excluded, p.path))[:MAX_LISTED_PROBLEMS],
        warnings=list(warnings),
    )
