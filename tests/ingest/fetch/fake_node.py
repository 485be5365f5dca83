"""A JSON-RPC node on loopback with a small chain of its own, and the bad habits of real ones."""

import copy
import hashlib
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from rook_bench.execution.pool_state import PoolState
from rook_bench.ingest.abi import TOPICS

POOL = "0x" + "ab" * 20
MANAGER = "0x" + "cd" * 20
POOL_ID = "0x" + "5e" * 32
TOKEN0, TOKEN1 = "0x" + "01" * 20, "0x" + "02" * 20
GENESIS = 1_700_000_000
TOPIC = {name: topic for topic, name in TOPICS.items()}
SELECTORS = {
    "0x0dfe1681": "token0",
    "0xd21220a7": "token1",
    "0xddca3f43": "fee",
    "0xd0c93a7c": "tickSpacing",
    "0x95d89b41": "symbol",
    "0x313ce567": "decimals",
}


_LIVED = {}


class Refused(Exception):
    """An error object of JSON-RPC."""

    def __init__(self, code, message, data=None):
        self.error = {"code": code, "message": message} | ({"data": data} if data is not None else {})


class FakeNode:
    """A chain of `blocks` blocks whose pool is initialised in block 10 and swaps in most blocks after it."""

    def __init__(self, blocks=600, seed=0, v4=False):
        self.v4, self.head, self.chain_id = v4, blocks, 1
        self.address = MANAGER if v4 else POOL
        self.code = {POOL: "0x60", MANAGER: "0x60"}
        self.pools = {POOL}
        self.fee, self.symbols, self.decimals = 500, {TOKEN0: "USDC", TOKEN1: "WETH"}, {TOKEN0: 6, TOKEN1: 18}
        self.branch = {}  # block -> salt of its hash
        self.most_blocks = self.most_logs = None
        self.refusal = lambda first, last: Refused(-32005, "query returned more than 10000 results")
        self.timestamps_in_logs, self.batches, self.delay_s = True, True, 0.0
        self.faults = []  # taken in turn by requests: ("http", status, headers, body), ("cut",), ("json", text), Refused
        self.fault_every = None  # (n, fault): each n-th request
        self.spoil = lambda logs: logs
        self.before = lambda method, params: None
        self.asked, self.bodies = [], 0
        if (blocks, seed, v4) not in _LIVED:  # a second's work, the same for every test
            _LIVED[blocks, seed, v4] = self._history(np.random.default_rng(seed))
        self.logs = copy.deepcopy(_LIVED[blocks, seed, v4])

    def _history(self, rng):
        state = PoolState.initialized(2**96, fee_pips=500, tick_spacing=10, protocol="v4" if self.v4 else "v3")
        logs = [self._log(10, 0, *self._initialize(state))]
        logs += [self._mint(11, 0, state, -5000, 5000, 10**20), self._mint(11, 1, state, -100, 100, 10**21)]
        for block in range(12, self.head + 1):
            place = 0
            for _ in range(int(rng.integers(0, 4))):
                result = state.swap(bool(rng.integers(2)), int(rng.integers(10**12, 10**17)))
                logs.append(self._log(block, place, *self._swap(result)))
                place += 1
            if block % 50 == 0:
                logs.append(self._mint(block, place, state, -200, 10 * (block // 50), 10**18))
            if block % 50 == 25 and block > 60:
                logs.append(self._burn(block, place, state, -200, 10 * (block // 50), 10**18))
        return logs

    def _initialize(self, state):
        if self.v4:
            topics = [TOPIC["Initialize4"], POOL_ID, _topic(int(TOKEN0, 16)), _topic(int(TOKEN1, 16))]
            return topics, [self.fee, 10, 0, state.sqrt_price, state.tick]
        return [TOPIC["Initialize"]], [state.sqrt_price, state.tick]

    def _swap(self, result):
        if self.v4:
            words = [-result.amount0, -result.amount1, result.sqrt_price, result.liquidity, result.tick, 500]
            return [TOPIC["Swap4"], POOL_ID, _topic(7)], words
        words = [result.amount0, result.amount1, result.sqrt_price, result.liquidity, result.tick]
        return [TOPIC["Swap"], _topic(7), _topic(8)], words

    def _mint(self, block, place, state, lower, upper, liquidity):
        amounts = state.mint(lower, upper, liquidity)
        if self.v4:
            topics = [TOPIC["ModifyLiquidity4"], POOL_ID, _topic(7)]
            return self._log(block, place, topics, [lower, upper, liquidity, 0])
        topics = [TOPIC["Mint"], _topic(9), _topic(lower), _topic(upper)]
        return self._log(block, place, topics, [7, liquidity, *amounts])

    def _burn(self, block, place, state, lower, upper, liquidity):
        amounts = state.burn(lower, upper, liquidity)
        if self.v4:
            topics = [TOPIC["ModifyLiquidity4"], POOL_ID, _topic(7)]
            return self._log(block, place, topics, [lower, upper, -liquidity, 0])
        return self._log(block, place, [TOPIC["Burn"], _topic(9), _topic(lower), _topic(upper)], [liquidity, *amounts])

    def _log(self, block, place, topics, words):
        return {
            "address": self.address,
            "topics": topics,
            "data": "0x" + b"".join(word.to_bytes(32, "big", signed=word < 0) for word in words).hex(),
            "block": block,
            "transactionIndex": hex(place),
            "logIndex": hex(3 * place),
            "transactionHash": _hash("transaction", block, place),
            "removed": False,
        }

    def add_pool(self, address, keep=lambda log: True):
        """Another v3 pool of the same tokens, with a copy of some of the logs in transactions of their own."""
        self.code[address] = "0x60"
        self.pools.add(address)
        more = [copy.deepcopy(log) for log in self.logs if log["address"] == POOL and keep(log)]
        for log in more:
            place = int(log["logIndex"], 16)
            log |= {"address": address, "logIndex": hex(place + 1), "transactionIndex": hex(100 + place)}
            log["transactionHash"] = _hash("transaction", address, log["block"], place)
        self.logs += more

    def counts(self, first=0, last=None):
        """Number of events by name in a block range."""
        names = Counter(TOPICS[log["topics"][0]] for log in self.logs if first <= log["block"] <= (last or self.head))
        return {name.lower(): count for name, count in names.items()}

    def places(self, first=0, last=None):
        """(block, log index) of every log in a block range."""
        last = self.head if last is None else last
        return [(log["block"], int(log["logIndex"], 16)) for log in self.logs if first <= log["block"] <= last]

    def block_hash(self, block):
        return _hash("block", block, self.branch.get(block, 0))

    def reorganise(self, first):
        """From `first` on, blocks get other hashes, and their last swap is gone."""
        for block in range(first, self.head + 1):
            self.branch[block] = self.branch.get(block, 0) + 1
        last = {log["block"]: log for log in self.logs if log["block"] >= first and len(log["topics"]) == 3}
        self.logs = [log for log in self.logs if log is not last.get(log["block"])]

    def __enter__(self):
        node = self

        class Handler(BaseHTTPRequestHandler):
            wbufsize = -1  # an answer in one packet, else each waits 40 ms

            def do_POST(self):
                node._answer(self)

            def log_message(self, *arguments):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v3/0123456789secretkey"
        return self

    def __exit__(self, *exception):
        self._server.shutdown()
        self._server.server_close()

    def _answer(self, handler):
        self.bodies += 1
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        fault = self.faults.pop(0) if self.faults else None
        if self.fault_every and self.bodies % self.fault_every[0] == 0:
            fault = self.fault_every[1]
        if fault is not None and not isinstance(fault, Refused):
            return self._misbehave(handler, *fault)
        if isinstance(body, list) and self.batches is not True:
            if not self.batches or len(body) > self.batches:
                return _send(handler, 200, {}, json.dumps(_error(None, Refused(-32600, "batch is not supported"))))
            return _send(handler, 200, {}, json.dumps([self._call(each, fault) for each in body]))
        answer = [self._call(each, fault) for each in body] if isinstance(body, list) else self._call(body, fault)
        return _send(handler, 200, {}, json.dumps(answer))

    def _misbehave(self, handler, kind, *rest):
        if kind == "cut":
            handler.connection.close()
        elif kind == "half":
            handler.send_response(200)
            handler.send_header("Content-Length", "1000")
            handler.end_headers()
            handler.wfile.write(b'{"jsonrpc": "2.0", "result": [')
            handler.wfile.flush()
            handler.connection.close()
        elif kind == "json":
            _send(handler, 200, {}, rest[0])
        else:
            _send(handler, *rest)

    def _call(self, call, fault):
        method, params = call["method"], call["params"]
        self.asked.append((method, params))
        self.before(method, params)
        time.sleep(self.delay_s)
        try:
            if fault is not None:
                raise fault
            return {"jsonrpc": "2.0", "id": call["id"], "result": getattr(self, f"_{method}")(*params)}
        except Refused as refused:
            return _error(call["id"], refused)

    def _eth_chainId(self):
        return hex(self.chain_id)

    def _eth_blockNumber(self):
        return hex(self.head)

    def _eth_getCode(self, address, tag):
        return self.code.get(address, "0x")

    def _eth_getBlockByNumber(self, number, full):
        block = int(number, 16)
        if block > self.head:
            return None
        return {"number": number, "hash": self.block_hash(block), "timestamp": hex(GENESIS + 12 * block)}

    def _eth_getTransactionReceipt(self, transaction):
        return {"effectiveGasPrice": hex(int(transaction[2:8], 16))}

    def _eth_getLogs(self, query):
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if self.most_blocks and last - first + 1 > self.most_blocks:
            raise self.refusal(first, last)
        found = [
            log
            for log in self.logs
            if first <= log["block"] <= last
            and log["address"] == query["address"]
            and log["topics"][0] in query["topics"][0]
            and (len(query["topics"]) == 1 or log["topics"][1] == query["topics"][1])
        ]
        if self.most_logs and len(found) > self.most_logs:
            raise self.refusal(first, last)
        return self.spoil([self._published(log) for log in found])

    def _published(self, log):
        block = log["block"]
        log = {name: value for name, value in log.items() if name != "block"}
        log |= {"blockNumber": hex(block), "blockHash": self.block_hash(block)}
        return log | ({"blockTimestamp": hex(GENESIS + 12 * block)} if self.timestamps_in_logs else {})

    def _eth_call(self, call, tag):
        name = SELECTORS[call["data"]]
        values = {"token0": int(TOKEN0, 16), "token1": int(TOKEN1, 16), "fee": self.fee, "tickSpacing": 10}
        if call["to"] in self.pools and name in values and not self.v4:
            return _topic(values[name])
        if call["to"] in self.decimals and name == "decimals":
            return _topic(self.decimals[call["to"]])
        if call["to"] in self.symbols and name == "symbol":
            symbol = self.symbols[call["to"]]
            if isinstance(symbol, bytes):  # as old tokens answer
                return "0x" + symbol.ljust(32, b"\0").hex()
            text = symbol.encode()
            return _topic(32) + _topic(len(text))[2:] + text.ljust(-(-len(text) // 32) * 32, b"\0").hex()
        raise Refused(3, "execution reverted")


def _topic(value):
    return "0x" + value.to_bytes(32, "big", signed=value < 0).hex()


def _hash(*parts):
    return "0x" + hashlib.sha256(repr(parts).encode()).hexdigest()


def _error(identity, refused):
    return {"jsonrpc": "2.0", "id": identity, "error": refused.error}


def _send(handler, status, headers, body):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body.encode())))
    handler.end_headers()
    handler.wfile.write(body.encode())
