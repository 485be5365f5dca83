"""Stands in for the model hub on loopback: what huggingface_hub's own client asks to list and to fetch files."""

import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubStandIn:
    """Models by name: `put(name, files)` keeps a commit of them; `asked` holds each method and path."""

    def __init__(self):
        self.models, self.gated, self.asked = {}, set(), []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def _send(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in {"Content-Length": len(body), **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def _carry_out(self):
                path = self.path.partition("?")[0]
                stand_in.asked.append((self.command, path))
                api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
                tree = re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)(?:/.*)?", path)
                file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
                name, revision = (api or tree or file).groups()[:2] if (api or tree or file) else (None, None)
                if name in stand_in.gated:
                    return self._send(403, b"{}", X_Error_Code="GatedRepo", X_Error_Message="restricted")
                found = stand_in.models.get(name)
                if found is None:
                    return self._send(404, b"{}", X_Error_Code="RepoNotFound")
                commit = found[0] if revision in (None, "main", found[0]) else None
                if commit is None:
                    return self._send(404, b"{}", X_Error_Code="RevisionNotFound")
                files = found[1]
                if file:
                    body = files.get(file[3])
                    if body is None:
                        return self._send(404, b"", X_Error_Code="EntryNotFound", X_Repo_Commit=commit)
                    tag = hashlib.sha1(body).hexdigest()
                    return self._send(200, body, ETag=f'"{tag}"', X_Repo_Commit=commit, Accept_Ranges="bytes")
                if tree:
                    listed = [
                        {"type": "file", "oid": hashlib.sha1(body).hexdigest(), "size": len(body), "path": path}
                        for path, body in files.items()
                    ]
                    return self._send(200, json.dumps(listed).encode(), Content_Type="application/json")
                told = {
                    "id": name, "modelId": name, "sha": commit, "private": False, "gated": False, "disabled": False,
                    "downloads": 0, "likes": 0, "tags": [],
                    "siblings": [{"rfilename": path, "size": len(body)} for path, body in files.items()],
                }  # fmt: skip
                return self._send(200, json.dumps(told).encode(), Content_Type="application/json")

            do_GET = do_HEAD = do_POST = _carry_out

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_port}"

    def put(self, name, folder, **more):
        """A commit of a folder's files, and of others by name."""
        files = {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.is_file()} | more
        commit = hashlib.sha1(b"".join(files.values())).hexdigest()
        self.models[name] = (commit, files)
        return commit

    def close(self):
        self.server.shutdown()
        self.server.server_close()
