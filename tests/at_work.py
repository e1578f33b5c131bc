"""A project in which DVC takes a stage to be running."""

import json
import os
import subprocess
import sys
from pathlib import Path


def dvc_at_work(project: Path) -> Path:
    """Has DVC note, as it does itself, that a process that is there writes data/raw; gives the file
    with that note."""
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], check=True)
    writes = {str(project / "data/raw"): {"pid": os.getpid(), "cmd": "dvc repro fetch"}}
    note = project / ".dvc/tmp/rwlock"
    note.write_text(json.dumps({"write": writes, "read": {}}))
    return note
