"""The same known events written in every layout that is read."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rook_bench.ingest.abi import TOPICS
from rook_bench.market.events import SCHEMA, event_table

POOL = "0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640"
SENDER = "0x" + "00" * 12 + "51c72848c68a965f66fa7a88855f9f7784502a7f"
TOPIC = {name: topic for topic, name in TOPICS.items()}
PLACE = ("pool", "event", "at", "block", "tx_index", "log_index", "tx_hash")
PER_EVENT = {
    "initialize": ("sqrt_price_x96", "tick"),
    "swap": ("sqrt_price_x96", "liquidity", "tick", "amount0", "amount1"),
    "mint": ("amount0", "amount1", "tick_lower", "tick_upper", "liquidity_delta"),
    "burn": ("amount0", "amount1", "tick_lower", "tick_upper", "liquidity_delta"),
}


def _word(value):
    return (value % 2**256).to_bytes(32, "big").hex()


def _hex_of(event):
    """Topics and data of an event, as a node's log holds them."""
    kind = event["event"]
    ticks = ["0x" + _word(event[name]) for name in ("tick_lower", "tick_upper")] if kind in ("mint", "burn") else []
    match kind:
        case "initialize":
            topics, words = [TOPIC["Initialize"]], [event["sqrt_price_x96"], event["tick"]]
        case "swap":
            topics = [TOPIC["Swap"], SENDER, SENDER]
            words = [event[name] for name in ("amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")]
        case "mint":
            topics, words = (
                [TOPIC["Mint"], SENDER, *ticks],
                [int(SENDER, 16), event["liquidity_delta"], event["amount0"], event["amount1"]],
            )
        case "burn":
            topics, words = (
                [TOPIC["Burn"], SENDER, *ticks],
                [-event["liquidity_delta"], -event["amount0"], -event["amount1"]],
            )
    return topics, "0x" + "".join(map(_word, words))


@pytest.fixture(scope="session")
def known(tape):
    """30 swaps of a simulated tape between an initialisation, mints and burns: dicts of Python values."""
    rng = np.random.default_rng(5)
    events = []
    for row in range(30):
        kinds = ["initialize", "mint"] if row == 0 else ["mint"] if row % 7 == 3 else ["burn"] if row % 7 == 5 else []
        place = {
            "pool": POOL,
            "at": tape.at[row].astype("datetime64[s]"),
            "block": int(tape.block[row]),
            "tx_index": int(tape.tx_index[row]),
        }
        for kind in [*kinds, "swap"]:
            event = place | {
                "event": kind,
                "log_index": len(events),
                "tx_hash": rng.bytes(32),
                "gas_price": 30_000_000_000 + len(events),
            }
            if kind == "swap":
                event |= {name: int(getattr(tape, name)[row]) for name in PER_EVENT["swap"]}
            elif kind == "initialize":
                event |= {"sqrt_price_x96": int(tape.sqrt_price_x96[0]), "tick": int(tape.tick[0])}
            else:
                sign = 1 if kind == "mint" else -1
                event |= {
                    "tick_lower": 199040, "tick_upper": 199100, "liquidity_delta": sign * (10**18 // (1 if kind == "mint" else 3) + 7 * row + 1),
                    "amount0": sign * (7589502067301 + row), "amount1": sign * (738908802009978532321 + row),
                }  # fmt: skip
            events.append(event)
    return events


@pytest.fixture(scope="session")
def expected(known):
    """The event table of some kinds of the known events, with the columns that a layout carries."""

    def table(kinds=("initialize", "swap", "mint", "burn"), lacks=("gas_price",), pool=POOL):
        events = [event for event in known if event["event"] in kinds]
        columns = {}
        for name in SCHEMA.names:
            values = [event.get(name) for event in events]
            if name not in lacks and any(value is not None for value in values):
                columns[name] = np.array(values) if name == "at" else values
        columns["pool"] = [pool] * len(events)
        return event_table(columns, len(events))

    return table


def _iso(event):
    return str(event["at"]).replace("T", " ")


def _seconds(event):
    return int(event["at"].astype("int64"))


def _hash(event):
    return "0x" + event["tx_hash"].hex()


def _demeter_raw(events):
    for event in events:
        topics, data = _hex_of(event)
        yield {"block_number": event["block"], "block_timestamp": _iso(event), "transaction_hash": _hash(event),
               "transaction_index": event["tx_index"], "log_index": event["log_index"], "topics": str(topics), "data": data}  # fmt: skip


def _demeter_tick(events):
    for event in events:
        kind = event["event"]
        yield {
            "block_number": event["block"], "block_timestamp": _iso(event), "tx_type": kind.upper(), "transaction_hash": _hash(event),
            "tx_index": event["tx_index"], "log_index": event["log_index"], "amount0": _abs_unless_swap(event, "amount0"),
            "amount1": _abs_unless_swap(event, "amount1"), "total_liquidity": event.get("liquidity", "1.2E+19"),
            "sqrtPriceX96": event.get("sqrt_price_x96", "1.6E+33"), "current_tick": f"{event.get('tick', 199000)}.0",
            "tick_lower": f"{event['tick_lower']}.0" if "tick_lower" in event else "",
            "tick_upper": f"{event['tick_upper']}.0" if "tick_upper" in event else "",
            "liquidity": abs(event["liquidity_delta"]) if "liquidity_delta" in event else "",
        }  # fmt: skip


def _abs_unless_swap(event, name):
    value = event.get(name, "")
    return value if event["event"] == "swap" or value == "" else abs(value)


def _cryo_logs(events, form):
    for event in events:
        topics, data = _hex_of(event)
        padded = [*topics, *[None] * (4 - len(topics))]
        row = {"block_number": event["block"], "transaction_index": event["tx_index"], "log_index": event["log_index"]}
        words = {"transaction_hash": _hash(event), "address": event["pool"], "data": data} | {
            f"topic{place}": word for place, word in enumerate(padded)
        }
        if form == "binary":
            words = {name: None if word is None else bytes.fromhex(word[2:]) for name, word in words.items()}
        yield row | words | {"n_data_bytes": len(data) // 2 - 1, "chain_id": 1}


def _cryo_events(events, forms, prefix="event__"):
    names = {
        "amount0": "amount0",
        "amount1": "amount1",
        "sqrt_price_x96": "sqrtPriceX96",
        "liquidity": "liquidity",
        "liquidity_delta": "amount",
    }
    plain = {"tick": "tick", "tick_lower": "tickLower", "tick_upper": "tickUpper"}
    for event in events:
        row = {"block_number": event["block"], "transaction_index": event["tx_index"], "log_index": event["log_index"],
               "transaction_hash": event["tx_hash"], "address": bytes.fromhex(event["pool"][2:]), "topic0": bytes.fromhex(_hex_of(event)[0][0][2:])}  # fmt: skip
        for name, written in names.items():
            if name in event:
                value = _abs_unless_swap(event, name)
                shapes = {"string": str(value), "binary": bytes.fromhex(_word(value)), "f64": float(value)}
                row |= {f"{prefix}{written}_{form}": shapes[form] for form in forms}
        yield row | {f"{prefix}{written}": event[name] for name, written in plain.items() if name in event}


def _node(events, times=False):
    for event in events:
        topics, data = _hex_of(event)
        row = {"address": "0x" + event["pool"][2:].upper(), "topics": topics, "data": data, "blockNumber": hex(event["block"]),
               "transactionHash": _hash(event), "transactionIndex": hex(event["tx_index"]), "blockHash": "0x" + "11" * 32,
               "logIndex": hex(event["log_index"]), "removed": False}  # fmt: skip
        yield row | ({"blockTimestamp": hex(_seconds(event))} if times else {})


def _etherscan(events):
    short = lambda value: "0x" if value == 0 else hex(value)  # noqa: E731
    for event in events:
        topics, data = _hex_of(event)
        yield {"address": event["pool"], "topics": topics, "data": data, "blockNumber": hex(event["block"]), "timeStamp": hex(_seconds(event)),
               "gasPrice": hex(event["gas_price"]), "gasUsed": "0x1f4", "logIndex": short(event["log_index"]),
               "transactionHash": _hash(event), "transactionIndex": short(event["tx_index"])}  # fmt: skip


def _human(value, decimals):
    digits = str(abs(value)).rjust(decimals + 1, "0")
    text = f"{digits[:-decimals]}.{digits[-decimals:]}".rstrip("0").rstrip(".")
    return ("-" if value < 0 else "") + text


def _the_graph(events):
    for event in events:
        yield {"id": f"{_hash(event)}#7", "timestamp": str(_seconds(event)), "amount0": _human(event["amount0"], 6),
               "amount1": _human(event["amount1"], 18), "sqrtPriceX96": str(event["sqrt_price_x96"]), "tick": str(event["tick"]),
               "logIndex": str(event["log_index"]), "transaction": {"id": _hash(event), "blockNumber": str(event["block"])},
               "pool": {"id": event["pool"], "feeTier": "500", "token0": {"symbol": "USDC", "decimals": "6"}, "token1": {"symbol": "WETH", "decimals": "18"}}}  # fmt: skip


def _dune(events, iso):
    for event in events:
        at = str(event["at"]) + "Z" if iso else _iso(event) + ".000 UTC"
        yield {"contract_address": event["pool"], "evt_tx_hash": _hash(event), "evt_tx_index": event["tx_index"], "evt_index": event["log_index"],
               "evt_block_time": at, "evt_block_number": event["block"], "amount0": str(event["amount0"]), "amount1": str(event["amount1"]),
               "liquidity": str(event["liquidity"]), "recipient": SENDER, "sender": SENDER,
               "sqrtPriceX96": str(event["sqrt_price_x96"]), "tick": event["tick"]}  # fmt: skip


def _eth_defi(events):
    for event in events:
        row = {"block_number": event["block"], "timestamp": str(event["at"]), "tx_hash": _hash(event), "log_index": event["log_index"],
               "pool_contract_address": event["pool"]}  # fmt: skip
        if event["event"] == "swap":
            yield row | {name: event[name] for name in ("amount0", "amount1", "sqrt_price_x96", "liquidity", "tick")}
        else:
            yield row | {"tick_lower": event["tick_lower"], "tick_upper": event["tick_upper"], "amount": abs(event["liquidity_delta"]),
                         "amount0": abs(event["amount0"]), "amount1": abs(event["amount1"])}  # fmt: skip


def _allium(events):
    for event in events:
        yield {"event": event["event"], "liquidity_pool_address": event["pool"], "block_timestamp": _iso(event) + " UTC", "block_number": event["block"],
               "transaction_hash": _hash(event), "transaction_index": event["tx_index"], "log_index": event["log_index"],
               "token0_amount_raw_str": str(_abs_unless_swap(event, "amount0")), "token0_amount_raw": float(event.get("amount0", 0)),
               "token1_amount_raw_str": str(_abs_unless_swap(event, "amount1")), "sqrt_price_x96": str(event.get("sqrt_price_x96", "")),
               "liquidity": str(event.get("liquidity", abs(event.get("liquidity_delta", 0)))), "tick": str(event.get("tick", "")),
               "tick_lower": str(event.get("tick_lower", "")), "tick_upper": str(event.get("tick_upper", "")),
               "fee_details": json.dumps({"receipt_effective_gas_price": event["gas_price"], "gas_price": 1})}  # fmt: skip


def _v3_polars(events):
    for event in events:
        row = {"chain_name": "ethereum", "address": event["pool"], "block_timestamp": event["at"], "block_number": event["block"],
               "transaction_hash": _hash(event), "log_index": event["log_index"], "transaction_index": event["tx_index"], "gas_price": str(event["gas_price"])}  # fmt: skip
        names = {"sqrt_price_x96": "sqrtPriceX96", "liquidity": "liquidity", "tick": "tick", "amount0": "amount0", "amount1": "amount1",
                 "tick_lower": "tick_lower", "tick_upper": "tick_upper", "liquidity_delta": "amount"}  # fmt: skip
        row |= {written: str(_abs_unless_swap(event, name)) for name, written in names.items() if name in event}
        yield row | (
            {"type_of_event": 1 if event["event"] == "mint" else -1} if event["event"] in ("mint", "burn") else {}
        )


@pytest.fixture(scope="session")
def rows_of(known):
    """Rows of a layout by name, of the kinds of events given."""
    makers = {
        "demeter_raw": _demeter_raw, "demeter_tick": _demeter_tick, "eth_defi": _eth_defi, "allium": _allium, "v3_polars": _v3_polars,
        "cryo_hex": lambda events: _cryo_logs(events, "hex"), "cryo_binary": lambda events: _cryo_logs(events, "binary"),
        "cryo_events": lambda events: _cryo_events(events, ("binary", "string", "f64")),
        "cryo_events_binary": lambda events: _cryo_events(events, ("binary",), "event0__"),
        "cryo_events_f64": lambda events: _cryo_events(events, ("f64",)),
        "node": _node, "node_timed": lambda events: _node(events, times=True), "etherscan": _etherscan, "the_graph": _the_graph,
        "dune": lambda events: _dune(events, iso=False), "dune_iso": lambda events: _dune(events, iso=True),
    }  # fmt: skip
    return lambda layout, *kinds: list(
        makers[layout](event for event in known if event["event"] in (kinds or PER_EVENT))
    )


@pytest.fixture
def write(tmp_path):
    """Write rows to a file; its ending says how."""

    def to(name, rows):
        path = tmp_path / name
        if name.endswith(".parquet"):
            pq.write_table(pa.table(pd.DataFrame(rows)) if rows else pa.table({}), path)
        elif name.endswith((".jsonl", ".ndjson")):
            path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        elif name.endswith(".json"):
            path.write_text(json.dumps(rows))
        else:
            pd.DataFrame(rows).to_csv(path, index=False)
        return path

    return to


@pytest.fixture
def blocks(known, write):
    """cryo's blocks file of the known events, in tmp_path."""
    times = {event["block"]: _seconds(event) for event in known}
    return write(
        "ethereum__blocks__1_to_2.parquet", [{"block_number": block, "timestamp": at} for block, at in times.items()]
    )
