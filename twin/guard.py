"""Guards one job: runs a command, and kills its process group when the twin is gone. Run as a script, never imported.

The first line on stdin is the command as JSON; end of file on stdin means that the twin has died. SIGTERM goes to the whole group, and
only the guard ignores it. Ends as the command ended: 128 + signal, as a shell and SageMaker report it.
"""

import _thread
import json
import os
import signal
import sys


def _kill_group_at_end_of_file() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


def _main() -> None:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit(1)
        line += byte
    command = json.loads(line)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        child = os.posix_spawnp(
            command[0],
            command,
            os.environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0)],
            setsigdef=[signal.SIGTERM, signal.SIGINT],
        )
    except OSError as error:
        print(f"cannot start {command[0]}: {error.strerror}", flush=True)
        os._exit(127)
    _thread.start_new_thread(_kill_group_at_end_of_file, ())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    _main()
