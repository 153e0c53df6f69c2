"""A definition is parsed once. moto parses it (0.1 s) when a state machine is made and again whenever an execution starts.

Its parser shares tables between all threads and has no lock. What parses is remembered on disk, so that the next twin need not try.
"""

import hashlib
import threading
from collections.abc import Callable
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.parse import asl_parser
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

_REMEMBERED_LENGTH = 2000
"""Characters: what is shorter parses quickly."""
_lock = threading.Lock()


def install(cache: Path) -> None:
    """Replace moto's ways to its parser. `cache`: a folder for the digests of what has been found to be right."""
    validate = remembering(StepFunctionsParserBackend._validate_definition, cache)
    StepFunctionsParserBackend._validate_definition = staticmethod(validate)
    asl_parser.AmazonStateLanguageParser.parse = staticmethod(parse)


def remembering(validate: Callable[[str], None], cache: Path) -> Callable[[str], None]:
    """Validates what is not known to be right, for this version of moto and of the repairs here: they say what is supported."""
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    parser = hashlib.sha256(version("moto").encode() + code)

    def validate_once(definition: str) -> None:
        digest = parser.copy()
        digest.update(definition.encode())
        mark = cache / digest.hexdigest()
        if mark.exists():
            return
        validate(definition)
        if len(definition) >= _REMEMBERED_LENGTH:
            cache.mkdir(parents=True, exist_ok=True)
            mark.touch()

    return validate_once


def parse(definition: str) -> tuple[Any, Any]:
    """The components of a definition, new ones for each call since they hold state, and its tree."""
    with _lock:
        tree = _tree(definition)
        return asl_parser.Preprocessor().visit(tree), tree


@lru_cache(maxsize=16)
def _tree(definition: str) -> Any:
    listener = asl_parser.SyntaxErrorListener()
    parser = ASLParser(asl_parser.CommonTokenStream(ASLLexer(asl_parser.InputStream(definition))))
    parser.removeErrorListeners()
    parser.addErrorListener(listener)
    tree = parser.state_machine()
    if listener.errors:
        raise asl_parser.ASLParserException(errors=listener.errors)
    return tree
