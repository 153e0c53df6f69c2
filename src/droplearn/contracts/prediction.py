"""The JSON form of a prediction request and its answer.

Request:  {"dataArray": [{"name": "image", "type": "stream", "body": "<base64>"}]}
Success:  {"success": true, "result": {"output": [{"type": "cv_common", "body": [{"label", "conf", "pos"}]}], "meta": {"height", "width"}}}
Error:    {"success": false, "errorCode": "1001", "errorMsg": "INPUT_FORMAT_ERROR"}

Objects on the hot path are plain dicts; these models document them and check them in tests.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MAX_REQUEST_BYTES = 6 * 1024 * 1024
"""A Lambda invocation's payload limit, which the predict route inherits. Source: AWS Lambda quotas."""

Point = Annotated[list[float], Field(min_length=2, max_length=2)]
PositionConvention = Literal["relative", "pixels"]
"""`relative`: x and y in [0, 1] of the picture's width and height; `pixels`: of the picture as sent, orientation applied.
Points: left-top, right-top, right-bottom, left-bottom. Both are in use elsewhere, so both are offered; `relative` is the default."""


class ErrorCode(Enum):
    """`errorCode` and `errorMsg`, and the HTTP status that carries them."""

    INPUT_FORMAT_ERROR = ("1001", 400)
    IMAGE_DECODE_ERROR = ("1002", 400)
    UNKNOWN_ERROR = ("2001", 500)
    GET_INSTANCE_ERROR = ("2002", 503)
    MODEL_FORWARD_ERROR = ("2003", 500)

    @property
    def code(self) -> str:
        """The four digits."""
        return self.value[0]

    @property
    def http_status(self) -> int:
        """The status line."""
        return self.value[1]

    def to_dict(self) -> dict[str, object]:
        """The body."""
        return {"success": False, "errorCode": self.code, "errorMsg": self.name}


class PredictionInput(BaseModel):
    """One input. `type` is always `stream`: the bytes are in `body`, base64."""

    model_config = ConfigDict(extra="ignore")

    name: str | None = None
    type: Literal["stream"] = "stream"
    body: Annotated[str, Field(min_length=1)]


class PredictionRequest(BaseModel):
    """The JSON form."""

    model_config = ConfigDict(extra="ignore")

    dataArray: Annotated[list[PredictionInput], Field(min_length=1)]  # noqa: N815 (wire format)


class PredictedLabel(BaseModel):
    """`conf` in [0, 1]; `pos` is absent where the answer has no place (classification), else four points. A scenario may add keys."""

    model_config = ConfigDict(extra="allow")

    label: str
    conf: Annotated[float, Field(ge=0, le=1)]
    pos: Annotated[list[Point], Field(min_length=4, max_length=4)] | None = None


class PredictionOutput(BaseModel):
    """The answer for one input, most confident first."""

    type: Literal["cv_common", "audio_common"] = "cv_common"
    body: list[PredictedLabel]


class PictureSize(BaseModel):
    """Of the picture as a viewer shows it (orientation applied), in pixels. With several inputs: of the first."""

    height: int
    width: int


class SoundLength(BaseModel):
    """What was read of a sound, and the rate it was recorded at, in Hz. With several inputs: of the first."""

    seconds: float
    sample_rate: int


class PredictionResult(BaseModel):
    """One output per input, in order."""

    output: list[PredictionOutput]
    meta: PictureSize | SoundLength


class PredictionSuccess(BaseModel):
    """HTTP 200."""

    success: Literal[True] = True
    result: PredictionResult


class PredictionError(BaseModel):
    """HTTP 4xx or 5xx."""

    success: Literal[False] = False
    errorCode: Literal["1001", "1002", "2001", "2002", "2003"]  # noqa: N815 (wire format)
    errorMsg: str  # noqa: N815 (wire format)
