"""Stands in for the API of Fluence on loopback, and keeps a bill: what it rents out is a sshd on this machine."""

import json
import re
import subprocess
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

KEY = "key-of-the-test"
CONFIGURATION = {"id": "c-1", "slug": "cpu-premium-8vcpu-32gb"}


class StandIn:
    """The service.

    Attributes:
        items: machines, disks and addresses by path, as the API tells them.
        answer_after: seconds between renting a machine and the answer that says so.
        boot_after: seconds until a machine is launched; boot_fails: or never is.
        refuses: (method, path) that are answered with (status, code, words).
        hourly: price of all together.
        requests: (method, path) of every request.
    """

    def __init__(self, sshd, port, folder):
        self.sshd, self.port, self.folder = sshd, port, Path(folder)
        self.items = {"/v2/vms": {}, "/v1/storages": {}, "/v1/public_ips": {}}
        self.answer_after, self.boot_after, self.boot_fails, self.hourly = 0.0, 0.0, False, "0.50"
        self.refuses, self.requests, self.servers = {}, [], {}
        self.lock = threading.RLock()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def _carry_out(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(size)) if size else None
                url = urlsplit(self.path)
                try:
                    status, told = stand_in.answer(self.command, url.path, parse_qs(url.query), body, self.headers)
                except Refused as refused:
                    status, told = refused.args[0], {"code": refused.args[1], "error": refused.args[2]}
                text = json.dumps(told).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass

            do_GET = do_POST = do_DELETE = _carry_out

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        for process in self.servers.values():
            process.kill()

    @property
    def billed(self):
        """What is billed now: (path, name) of each."""
        with self.lock:
            return [
                (path, item["name"])
                for path, items in self.items.items()
                for item in items.values()
                if item["status"] not in ("terminated", "removed")
            ]

    def answer(self, method, path, query, body, headers):
        with self.lock:
            self.requests.append((method, path))
            for (verb, pattern), refusal in self.refuses.items():
                if verb == method and re.fullmatch(pattern, path):
                    raise Refused(*refusal)
            if headers.get("X-API-KEY") != KEY:
                raise Refused(403, "forbidden", "Auth failed. No such API Key")
        if (method, path) == ("POST", "/v2/vms"):
            made = self._rent(body)
            time.sleep(self.answer_after)
            return 200, made
        with self.lock:
            if method == "GET" and path in self.items:
                return 200, self._page([self._now(path, item) for item in self.items[path].values()], query)
            if (method, path) == ("GET", "/v1/clusters"):
                return 200, {"items": [{"id": "k-1", "name": "paris"}, {"id": "k-2", "name": "lisbon"}]}
            if method == "GET" and (found := re.fullmatch(r"/v1/clusters/(.+)/resources", path)):
                return 200, {"availableConfigurations": [CONFIGURATION] if found[1] == "k-2" else []}
            if (method, path) == ("POST", "/v1/prices/cost"):
                assert [next(iter(one)) for one in body["resources"]] == ["vm", "storage", "publicIp"]
                return 200, {"totalCost": self.hourly, "periodSecs": body["secs"]}
            if (method, path) == ("GET", "/v1/storages/default_images"):
                image = {"slug": "ubuntu-24-04-x64", "downloadUrl": "https://example.org/x.img", "username": _user()}
                return 200, {"items": [image]}
            for kind, items in self.items.items():
                if path.startswith(f"{kind}/") and path.removeprefix(f"{kind}/") in items:
                    item = items[path.removeprefix(f"{kind}/")]
                    return (200, self._now(kind, item)) if method == "GET" else self._end(kind, item)
        raise Refused(404, "not_found", "No such thing")

    def _rent(self, body):
        with self.lock:
            name, disk, address = str(body["name"]), str(uuid.uuid4()), str(uuid.uuid4())
            assert body["clusterId"] == "k-2"
            assert body["configurationId"] == "c-1"
            machine = {
                "id": str(uuid.uuid4()), "name": name, "status": "new", "bootDisk": disk, "publicIp": address,
                "priceHourlyUsd": "0.45", "made": time.time(),
            }  # fmt: skip
            self.items["/v2/vms"][machine["id"]] = machine
            self.items["/v1/storages"][disk] = {
                "id": disk, "name": body["bootDisk"]["name"], "status": "ready", "attachedTo": [machine["id"]],
            }  # fmt: skip
            self.items["/v1/public_ips"][address] = {
                "id": address, "name": body["publicIp"]["name"], "status": "ready", "address": "127.0.0.1",
            }  # fmt: skip
            self._boot(machine, body["cloudInit"]["userData"])
            return dict(machine)

    def _boot(self, machine, user_data):
        """A sshd with the key that cloud-init was given, which lets in whom it was told to."""
        folder = self.folder / machine["id"]
        folder.mkdir(parents=True)
        private = re.search(r"ed25519_private: \|\n((?:    .*\n)+)", user_data)[1]
        (folder / "host").write_text("".join(line[4:] + "\n" for line in private.splitlines()))
        (folder / "host").chmod(0o600)
        (folder / "keys").write_text(re.search(r"ssh_authorized_keys:\n  - (.*)\n", user_data)[1] + "\n")
        machine["shutdown"] = re.search(r"shutdown -P \+(\d+)", user_data)[1]
        (folder / "sshd_config").write_text(
            f"Port {self.port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys\n"
            "PasswordAuthentication no\nKbdInteractiveAuthentication no\nUsePAM no\nStrictModes no\n"
            f"PidFile {folder}/pid\nPermitRootLogin prohibit-password\nAcceptEnv *\n"
        )
        command = [self.sshd, "-D", "-f", folder / "sshd_config", "-E", folder / "log"]
        self.servers[machine["id"]] = subprocess.Popen(command)

    def _now(self, path, item):
        if path == "/v2/vms" and item["status"] in ("new", "launching"):
            ready = time.time() - item["made"] >= self.boot_after
            item["status"] = ("failed" if self.boot_fails else "launched") if ready else "launching"
        told = dict(item)
        if path == "/v2/vms" and item["status"] == "launched" and item["publicIp"] in self.items["/v1/public_ips"]:
            told["expanded"] = {"publicIp": dict(self.items["/v1/public_ips"][item["publicIp"]])}
        return told

    def _end(self, path, item):
        if path == "/v2/vms":
            item["status"] = "terminated"
            if item["id"] in self.servers:
                self.servers.pop(item["id"]).kill()
            for disk in self.items["/v1/storages"].values():  # goes on being billed, as the specification allows
                disk["attachedTo"] = [one for one in disk.get("attachedTo", ()) if one != item["id"]]
        else:
            if item.get("attachedTo"):
                raise Refused(409, "conflict", "The storage is attached to a VM")
            item["status"] = "removed"
        return 200, {}

    def _page(self, items, query):
        page, size = int(query.get("page", ["1"])[0]), int(query.get("perPage", ["20"])[0])
        return {
            "items": items[(page - 1) * size : page * size],
            "pagination": {"totalPages": max(1, -(-len(items) // size)), "currentPage": page, "perPage": size},
        }

    def strange(self, name, path="/v2/vms"):
        """Something that was rented by somebody else."""
        item = {"id": str(uuid.uuid4()), "name": name, "status": "launched", "made": 0, "publicIp": "none"}
        self.items[path][item["id"]] = item
        return item


class Refused(Exception):
    """An answer that says no: status, code, words."""


def _user():
    import getpass

    return getpass.getuser()
