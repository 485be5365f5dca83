"""A server that speaks OpenAI's words, and does whatever a test wants of it."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server:
    """Answers `word(prompt)`; `plan` holds what is done to the next requests in place of that."""

    def __init__(self):
        self.asked, self.plan, self.at_once, self.most_at_once = [], [], 0, 0
        self.word = lambda prompt: "BUY"
        self.usage, self.name, self.print_, self.headers, self.delay = None, None, "fp_1", [], 0.0
        self.logprobs = None
        self.lock = threading.Lock()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *words):
                pass

            def send(self, status, body, **headers):
                self.send_response(status)
                for name, value in {"Content-Length": len(body), "Content-Type": "application/json", **headers}.items():
                    self.send_header(name.replace("_", "-"), str(value))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with server.lock:
                    server.asked.append((self.path, body))
                    server.headers.append(dict(self.headers))
                    act = server.plan.pop(0) if server.plan else None
                    server.at_once += 1
                    server.most_at_once = max(server.most_at_once, server.at_once)
                try:
                    if act is not None:
                        return act(self)
                    time.sleep(server.delay)
                    self.send(200, json.dumps(server.reply(self.path, body)).encode())
                except (BrokenPipeError, ConnectionResetError):
                    pass
                finally:
                    with server.lock:
                        server.at_once -= 1

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def reply(self, path, body):
        chat = path.endswith("chat/completions")
        prompt = body["messages"][-1]["content"] if chat else body["prompt"]
        text = self.word(prompt)
        choice = {"index": 0, "finish_reason": "stop"}
        choice |= {"message": {"role": "assistant", "content": text}} if chat else {"text": text}
        if self.logprobs and body.get("logprobs"):
            listed = self.logprobs(text)
            if chat:
                rows = [{"token": token, "logprob": value} for token, value in listed.items()]
                choice["logprobs"] = {"content": [{"token": text, "logprob": 0.0, "top_logprobs": rows}]}
            else:
                choice["logprobs"] = {"top_logprobs": [listed]}
        told = {"id": "x", "object": "chat.completion", "model": self.name or body["model"], "choices": [choice]}
        if self.print_:
            told["system_fingerprint"] = self.print_
        usage = self.usage or {"prompt_tokens": len(prompt) // 4 + 20, "completion_tokens": 2}
        return told | {"usage": usage}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_port}/v1"

    @property
    def prompts(self):
        return [body["messages"][-1]["content"] if "messages" in body else body["prompt"] for _, body in self.asked]

    def close(self):
        self.http.shutdown()
        self.http.server_close()
