"""Reads jobs and writes what came of them, a line of JSON each."""

import json
import sys
import urllib.request


def serve(run, failure):
    """Answers each job with run(job); failure is what all of the library's errors are."""
    for line in sys.stdin:
        try:
            result = run(json.loads(line))
        except failure as e:
            result = {"error": told(e)}
        print(json.dumps(result), flush=True)


def tell(job, piece):
    """Calls the address of a job at the first piece of a stream, where it has one."""
    if piece == 1 and job.get("seen"):
        urllib.request.urlopen(job["seen"]).close()


def told(e):
    """What the library's error tells; those within a stream have no status."""
    response = getattr(e, "response", None)
    return {
        "class": type(e).__name__,
        "status": getattr(e, "status_code", None),
        "message": getattr(e, "message", str(e)),
        "retry": response.headers.get("retry-after") if response is not None else None,
    }
