"""Stands in for Hugging Face Jobs on loopback, in the words that huggingface_hub's own client sends and reads."""

import json
import re
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "token-of-the-test"
OVER = ("COMPLETED", "CANCELED", "ERROR", "DELETED")


class StandIn:
    """The service: `jobs` by id; every job is reached as `user` at `host`."""

    def __init__(self, user, host):
        self.user, self.host, self.jobs, self.requests = user, host, {}, []
        self.fails, self.refuses_cancel = False, False
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def _carry_out(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                path = self.path.partition("?")[0]
                stand_in.requests.append((self.command, path))
                allowed = self.headers.get("Authorization") == f"Bearer {TOKEN}"
                status, told = (
                    stand_in.answer(self.command, path, body) if allowed else (401, {"error": "Invalid token"})
                )
                text = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = _carry_out

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def billed(self):
        return [job for job in self.jobs.values() if job["status"]["stage"] not in OVER]

    def answer(self, method, path, body):
        if path == "/api/whoami-v2":
            return 200, {"name": "me", "type": "user"}
        if path == "/api/jobs/hardware":
            kinds = (("cpu-upgrade", "CPU Upgrade", 500), ("t4-small", "Nvidia T4", 6667))
            return 200, [
                {
                    "name": name,
                    "prettyName": pretty,
                    "cpu": "8 vCPU",
                    "ram": "32 GB",
                    "ephemeralStorage": "50 GB",
                    "accelerator": None,
                    "unitCostMicroUSD": cost,
                    "unitCostUSD": cost / 1e6,
                    "unitLabel": "minute",
                }
                for name, pretty, cost in kinds
            ]
        if (method, path) == ("POST", "/api/jobs/me"):
            job = {
                "id": f"job{len(self.jobs)}",
                "owner": {"id": "1", "name": "me", "type": "user"},
                "made": time.time(),
                **{
                    name: body.get(name)
                    for name in ("command", "labels", "flavor", "timeoutSeconds", "dockerImage", "ssh")
                },
                "status": {"stage": "SCHEDULING", "message": None},
            }
            self.jobs[job["id"]] = job
            return 200, self._now(job)
        if (method, path) == ("GET", "/api/jobs/me"):
            return 200, [self._now(job) for job in self.jobs.values()]
        found = re.fullmatch(r"/api/jobs/me/(\w+)(/cancel)?", path)
        if found and found[1] in self.jobs:
            job = self.jobs[found[1]]
            if found[2]:
                if self.refuses_cancel:
                    return 500, {"error": "try later"}
                job["status"]["stage"] = "CANCELED"
            return 200, self._now(job)
        return 404, {"error": "not found"}

    def _now(self, job):
        if job["status"]["stage"] == "SCHEDULING" and time.time() - job["made"] > 0.3:
            job["status"] = {"stage": "ERROR", "message": "no capacity"} if self.fails else {
                "stage": "RUNNING", "message": None, "sshUrl": f"ssh://{self.user}@{self.host}"
            }  # fmt: skip
        return {name: value for name, value in job.items() if name != "made"}
