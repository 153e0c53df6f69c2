"""AWS calls per 1,000 dropped objects, and objects per second of handler CPU: ours beside the usual way. See README.md."""

import sys
from pathlib import Path

# The handler is measured where it lies: functions/ is a Lambda's root and no installed package.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "functions"))
