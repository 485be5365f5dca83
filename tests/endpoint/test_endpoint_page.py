"""The commands of the page run, with a server in the place of its address."""

import re
import shlex


def test_the_commands_run(server, root, tmp_path, monkeypatch, command_line, few_pictures, few_places):
    page = (root / "docs" / "how-to" / "ask-an-endpoint.md").read_text()
    blocks = re.findall(r"^```bash\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line]
    assert len(lines) == 4
    for name in ("strategies", "data"):
        (tmp_path / name).symlink_to(root / name)
    monkeypatch.chdir(tmp_path)
    server.word = lambda prompt: ("BUY", "SELL", "HOLD")[len(prompt) % 3]
    port = str(server.http.server_port)
    for line in lines:
        program, *arguments = shlex.split(line.replace("8000", port))
        assert program == "rook-bench"
        code, printed, err = command_line(*arguments)
        assert code in ((1, 2) if arguments[0] == "gate" else (0,)), f"{line}\n{printed}\n{err}"
