"""Objects of the data bucket -> a running service's answers, in groups that fit into the time of one API call.

What does not fit is left for the next call. How long an object takes is not known before: the first is asked alone, and of the others
as many at once as would fit if the service took one after the other, by what the group before them took.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from time import monotonic

from chalicelib.domain.service import Service
from chalicelib.domain.service_test import ImageAnswer
from chalicelib.ports import Platform
from chalicelib.service.invoking import invoke
from droplearn.contracts.errors import DropLearnError
from droplearn.contracts.prediction import MAX_REQUEST_BYTES

AT_ONCE = 8
BUDGET_S = 20.0
"""For the answers of one call: it has 29 seconds for everything."""
MAX_CUTS = 2
"""The first may meet instances that are still starting; asked alone and cut off twice, it takes longer than a call has."""


def ask_in_turn(platform: Platform, service: Service, waiting: Sequence[ImageAnswer], query: str) -> Iterator[list[ImageAnswer]]:
    """Group after group, until the next would not fit. Of an object asked alone that did not answer in time, the cut is counted, and the
    others go first.
    """
    ends_at, each_s, left = monotonic() + BUDGET_S, 0.0, sorted(waiting, key=lambda image: image.cuts)
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        while left and (count := _fitting(ends_at - monotonic(), each_s)):
            group, left, began = left[:count], left[count:], monotonic()
            asked = [pool.submit(ask, platform, service, image, query) for image in group]
            is_done = wait(asked, timeout=max(0.0, ends_at - began)).done
            answered = [future.result() for future in asked if future in is_done]
            yield answered or ([_cut(group[0])] if not each_s else [])
            each_s = max(monotonic() - began, 1e-6) / count
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _fitting(left_s: float, each_s: float) -> int:
    """One while nothing is known."""
    return min(AT_ONCE, max(0, int(left_s / each_s))) if each_s else 1


def _cut(image: ImageAnswer) -> ImageAnswer:
    cuts = image.cuts + 1
    error = f"no answer within {BUDGET_S:g} s, asked alone" if cuts >= MAX_CUTS else None
    return image.model_copy(update={"cuts": cuts, "error": error})


def ask(platform: Platform, service: Service, image: ImageAnswer, query: str) -> ImageAnswer:
    """Whatever goes wrong about one object is told in its place."""
    if image.size_bytes > MAX_REQUEST_BYTES:
        return image.model_copy(update={"error": f"larger than {MAX_REQUEST_BYTES:,} bytes"})
    try:
        body = platform.service_images.read(image.key)
        if body is None:
            return image.model_copy(update={"error": "the object is gone"})
        answer = invoke(platform, service, body, "application/octet-stream", query)
        return image.model_copy(update={"answer": dict(json.loads(answer.body))})
    except DropLearnError as error:
        return image.model_copy(update={"error": f"{error.code}: {error.message}"})
    except (ValueError, TypeError):
        return image.model_copy(update={"error": "the answer is no JSON object"})
