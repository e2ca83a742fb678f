"""A process with one project's site: reads tasks, line by line, and answers with times.

    python -m tools.benchmarks.worker '{"peer": "ours", "issuer": ..., "database_url": ..., ...}'

A line is a JSON object: {"do": the name of a function of a module of tasks, and its arguments}.
"""

from __future__ import annotations

import json
import sys
import traceback

from . import project


def main():
    """Start the site; then answer each line of standard input with one of standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a project prints is not an answer
    project.configure(**json.loads(sys.argv[1]))
    from . import event_tasks, tasks

    def find(name):
        return getattr(tasks, name, None) or getattr(event_tasks, name)

    for line in sys.stdin:
        command = json.loads(line)
        task = find(command.pop("do"))
        try:
            answer = {"done": task(**command)}
        except Exception:
            answer = {"failed": traceback.format_exc()}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
