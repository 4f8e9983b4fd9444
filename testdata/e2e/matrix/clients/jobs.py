"""Reads jobs and writes what came of them, a line of JSON each."""

import json
import sys


def serve(run, failure):
    """Answers each job with run(job); failure is the library's error with a status."""
    for line in sys.stdin:
        try:
            result = run(json.loads(line))
        except failure as e:
            result = {"error": {"status": e.status_code, "message": e.message}}
        print(json.dumps(result), flush=True)
