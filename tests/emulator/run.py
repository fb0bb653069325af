"""Runs MiniStack for as long as the process that started it lives.

Standard input is a pipe from that process. When it ends, however it ends, the pipe closes, and this process goes with
its functions: nothing of a test run that was killed stays behind.
"""
import os
import shutil
import signal
import sys
import threading


def watch():
    sys.stdin.buffer.read()
    shutil.rmtree(os.environ["TMPDIR"], ignore_errors=True)
    os.killpg(os.getpgid(0), signal.SIGKILL)


threading.Thread(target=watch, daemon=True).start()
sys.argv = ["ministack"]

from ministack.app import main  # noqa: E402  (after the watch, so that a slow import is covered too)

main()
