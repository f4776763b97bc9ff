"""Publishes a kick-off and a goal with Python's standard library. SCORELINE_URL and SCORELINE_KEY say where, and as whom."""

import json
import os
import random
import sys
import time
import urllib.error
import urllib.request

URL = os.environ.get("SCORELINE_URL", "http://127.0.0.1:8080")
KEY = os.environ.get("SCORELINE_KEY", "demo")


def publish(report, tries=6):
    """Posts one report and returns its result; tries again where that helps, which its id makes safe."""
    body = json.dumps(report).encode()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    for attempt in range(tries):
        request = urllib.request.Request(f"{URL}/v1/updates", body, headers)
        wait = random.uniform(0, min(20, 0.5 * 2**attempt))
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refused:
            problem = json.load(refused)
            if refused.code not in (408, 429, 500, 502, 503, 504):
                raise SystemExit(f"{refused.code} {problem['code']}: {problem['detail']} {problem.get('pointer', '')}")
            wait = max(wait, float(refused.headers.get("Retry-After", 0)))
        except OSError:
            pass  # no answer means unknown: the same id again
        time.sleep(wait)
    raise SystemExit("the service cannot be reached")


def main():
    game = sys.argv[1] if len(sys.argv) > 1 else "soccer/example/python"
    run = time.time_ns()  # ids are this run's own
    sides = {"home": {"name": "Arsenal", "score": {"total": 0}}, "away": {"name": "Chelsea", "score": {"total": 0}}}
    clock = {"mode": "up", "running": True, "ms": 0}
    print(publish({"game": game, "id": f"{run}-kick-off", "patch": {"status": "live", "clock": clock, "competitors": sides}}))
    goal = {"type": "goal", "status": "confirmed", "side": "home", "athlete": "Saka", "minute": 12, "order": 1}
    patch = {"competitors": {"home": {"score": {"total": 1}}}, "incidents": {"goal-1": goal}}
    print(publish({"game": game, "id": f"{run}-goal-1", "event_at": time.time_ns() // 1_000_000, "patch": patch}))


main()
