"""Stands in for the model hub on loopback: what huggingface_hub's own client asks to list, to fetch and to send files."""

import base64
import hashlib
import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class HubStandIn:
    """Models by name: `put(name, files)` keeps a commit of them; `asked` holds each method and path.

    `key` is the one that may write; `blobs` holds large files, as git-lfs keeps them; `branches` what lies beside the
    default branch; `meanwhile` is called before a commit is taken; `broken` makes it fail after the files were sent.
    """

    def __init__(self):
        self.models, self.gated, self.asked = {}, set(), []
        self.key, self.private, self.blobs, self.branches = None, set(), {}, {}
        self.meanwhile, self.broken = lambda: None, False
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

            def _json(self, status, told, **headers):
                self._send(status, json.dumps(told).encode(), Content_Type="application/json", **headers)

            def _body(self):
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _write(self, path):
                """What only a key may do; False where the path is of another kind."""
                body, wants = self._body(), re.fullmatch
                if path == "/api/validate-yaml":
                    return self._json(200, {"errors": [], "warnings": []}) or True
                blob = wants(r"/blobs/([0-9a-f]{64})", path)
                if blob and self.command == "PUT":
                    if hashlib.sha256(body).hexdigest() != blob[1]:
                        return self._json(400, {"error": "another file"}) or True
                    stand_in.blobs[blob[1]] = body
                    return self._send(200) or True
                send = wants(r"/api/models/([^/]+/[^/]+)/(preupload|commit|branch)/([^/]+)", path)
                batch = wants(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", path)
                if not (path == "/api/repos/create" or send or batch):
                    return False
                if self.headers.get("Authorization") != f"Bearer {stand_in.key}":
                    return self._json(401, {"error": "Invalid username or password."}) or True
                if path == "/api/repos/create":
                    told = json.loads(body)
                    name = f"{told['organization']}/{told['name']}"
                    if name in stand_in.models:
                        return self._json(409, {"error": "exists", "url": f"{stand_in.url}/{name}"}) or True
                    stand_in.models[name] = (hashlib.sha1(name.encode()).hexdigest(), {".gitattributes": b""})
                    if told.get("private") or told.get("visibility") == "private":
                        stand_in.private.add(name)
                    return self._json(200, {"url": f"{stand_in.url}/{name}", "id": name}) or True
                if batch:
                    objects = [
                        {"oid": one["oid"], "size": one["size"]}
                        | ({} if one["oid"] in stand_in.blobs else {
                            "actions": {"upload": {"href": f"{stand_in.url}/blobs/{one['oid']}"}}
                        })
                        for one in json.loads(body)["objects"]
                    ]  # fmt: skip
                    told = {"transfer": "basic", "objects": objects}
                    return (
                        self._send(200, json.dumps(told).encode(), Content_Type="application/vnd.git-lfs+json") or True
                    )
                name, what, revision = send.groups()
                if what == "branch":
                    stand_in.branches[name, revision] = stand_in.models[name]
                    return self._send(200) or True
                if what == "preupload":
                    files = [
                        {
                            "path": file["path"],
                            "uploadMode": "lfs" if file["path"].endswith((".safetensors", ".png")) else "regular",
                            "shouldIgnore": False, "oid": stand_in.oid(name, revision, file["path"]),
                        }
                        for file in json.loads(body)["files"]
                    ]  # fmt: skip
                    return self._json(200, {"files": files}) or True
                return self._commit(name, revision, [json.loads(line) for line in body.splitlines()]) or True

            def _commit(self, name, revision, lines):
                stand_in.meanwhile()
                if stand_in.broken:
                    return self._json(500, {"error": "no space left on the device"})
                main = revision == "main"
                commit, files = stand_in.models[name] if main else stand_in.branches[name, revision]
                if lines[0]["value"].get("parentCommit") not in (None, commit):
                    return self._json(412, {"error": "A commit has happened since. Please refresh and try again."})
                files = dict(files)
                for line in lines[1:]:
                    path = line["value"]["path"]
                    if line["key"] == "deletedFile":
                        del files[path]
                    elif line["key"] == "lfsFile":
                        files[path] = stand_in.blobs[line["value"]["oid"]]
                    else:
                        files[path] = base64.b64decode(line["value"]["content"])
                commit = hashlib.sha1(commit.encode() + b"".join(files.values())).hexdigest()
                told = {"success": True, "commitOid": commit, "commitUrl": f"{stand_in.url}/{name}/commit/{commit}"}
                if "create_pr=1" in self.path:
                    stand_in.branches[name, "refs/pr/1"] = (commit, files)
                    told["pullRequestUrl"] = f"{stand_in.url}/{name}/discussions/1"
                elif main:
                    stand_in.models[name] = (commit, files)
                else:
                    stand_in.branches[name, revision] = (commit, files)
                return self._json(200, told)

            def _carry_out(self):
                path = self.path.partition("?")[0]
                stand_in.asked.append((self.command, path))
                if self.command in ("POST", "PUT") and self._write(path):
                    return None
                api = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
                tree = re.fullmatch(r"/api/models/([^/]+/[^/]+)/tree/([^/]+)(?:/.*)?", path)
                file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
                name, revision = (api or tree or file).groups()[:2] if (api or tree or file) else (None, None)
                if name in stand_in.gated:
                    return self._send(403, b"{}", X_Error_Code="GatedRepo", X_Error_Message="restricted")
                found = stand_in.branches.get((name, revision), stand_in.models.get(name))
                if found is None:
                    return self._send(404, b"{}", X_Error_Code="RepoNotFound")
                on_branch = (name, revision) in stand_in.branches
                commit = found[0] if on_branch or revision in (None, "main", found[0]) else None
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
                    "id": name, "modelId": name, "sha": commit, "private": name in stand_in.private, "gated": False, "disabled": False,
                    "downloads": 0, "likes": 0, "tags": [],
                    "siblings": [{"rfilename": path, "size": len(body)} for path, body in files.items()],
                }  # fmt: skip
                return self._send(200, json.dumps(told).encode(), Content_Type="application/json")

            do_GET = do_HEAD = do_POST = do_PUT = _carry_out

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def oid(self, name, revision, path):
        """Of a file that lies there, as git (or for a large one, git-lfs) calls it."""
        body = self.branches.get((name, revision), self.models[name])[1].get(path)
        if body is None:
            return None
        if path.endswith((".safetensors", ".png")):
            return hashlib.sha256(body).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()

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
