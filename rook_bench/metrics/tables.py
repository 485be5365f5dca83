"""A Run's decisions, fills, trades and equity as DataFrames: UTC times, human units, costs and P&L beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from rook_bench.core import SIDE_NAMES
from rook_bench.core.decision_tape import UNPARSED
from rook_bench.execution.outcome import OUTCOME_NAMES
from rook_bench.metrics.trading import closed_trades
from rook_bench.replay import Run
from rook_bench.replay.evidence import MARKOUTS_S, evidence, markout_bps, paid_price
from rook_bench.replay.ledger import balances_by_row
from rook_bench.replay.worth import worth_of


def equity_table(run: Run) -> pd.DataFrame:
    """Balances and value after each swap, shape (n, 5), by UTC time.

    Columns: `price` (quote per base), `cash` and `base` (human units), `equity` and `hold_equity` (quote).
    """
    cash, base = balances_by_row(run)
    columns = {"price": run.frame.price, "cash": cash, "base": base}
    return pd.DataFrame(columns | {"equity": run.equity, "hold_equity": run.hold_equity}, index=run.frame.at_index)


def decision_table(run: Run) -> pd.DataFrame:
    """What was wished for at each swap, and what became of it, shape (n, 7 or more), by UTC time.

    Columns: `price`; `side` (BUY, HOLD, SELL; missing where an answer could not be parsed); `size` (fraction of the
    balance), `slippage_bps`, `deadline_s`, `confidence` (missing where none was stated); `reason`; `outcome` and
    `rejected_by` of the order, missing where there was none; `label` where the tape has one. Of a language model,
    where that is kept: `prompt` and `answer`, `p_buy`, `p_hold` and `p_sell`, `prompt_tokens` and `answer_tokens`,
    `seconds` and `cost_usd` (see `core.transcript`).
    """
    tape, orders = run.decided.tape, run.orders
    outcome, rejected = np.full(len(tape), None, dtype=object), np.full(len(tape), None, dtype=object)
    outcome[orders.row] = [OUTCOME_NAMES[code] for code in orders.outcome]
    rejected[orders.row] = [name or None for name in orders.rejected_by]
    columns = {
        "price": run.frame.price,
        "side": pd.array([None if code == UNPARSED else SIDE_NAMES[code] for code in tape.side], dtype="string"),
        "size": tape.size,
        "slippage_bps": tape.slippage_bps,
        "deadline_s": tape.deadline_s,
        "confidence": tape.confidence,
        "reason": pd.array(tape.reason[:], dtype="string"),
        "outcome": pd.array(outcome, dtype="string"),
        "rejected_by": pd.array(rejected, dtype="string"),
    }
    if "label_side" in run.frame.labels:
        columns["label"] = pd.array(run.frame.labels["label_side"], dtype="string")
    if tape.transcript is not None:
        told = tape.transcript.columns()
        columns["prompt"] = pd.array([text or None for text in told.pop("prompt")], dtype="string")
        columns["answer"] = pd.array([text or None for text in told.pop("said")], dtype="string")
        columns |= told
    elif tape.raw_text is not None:
        columns["answer"] = pd.array(tape.raw_text[:], dtype="string")
    return pd.DataFrame(columns, index=run.frame.at_index)


def asked_table(run: Run, *, markout_s: int = 300) -> pd.DataFrame:
    """What was asked, said and sent at each row: `decision_table` by row, with what came of the transaction.

    Columns: `at`; those of `decision_table`, its `side` UNPARSED where an answer could not be read; `pnl` (quote, at
    the tape's last price) and `markout_300s_bps` of what was sent, missing elsewhere.
    """
    table = decision_table(run).rename_axis("at").reset_index().rename_axis("row")
    table["side"] = table["side"].fillna("UNPARSED")
    fills = fill_table(run, markouts_s=(markout_s,))
    fills.index = pd.Index([order.decided_row for order in run.landed], name="row")
    return table.join(fills[["pnl", f"markout_{markout_s}s_bps"]])


def fill_table(run: Run, *, markouts_s: Sequence[int] = MARKOUTS_S) -> pd.DataFrame:
    """Every transaction in the order in which they landed, reverted ones included, by UTC time of landing.

    Columns: `decided_at`, `side`, `outcome`, `reason`; `price` (the pool's, before the order) and `paid_price`
    (quote per base, all costs taken off); `base` and `quote` (bought or sold, spent or received); `fee`, `impact`,
    `mev`, `gas` and their sum `cost` (quote); `pnl` (quote): what the transaction is worth at the tape's last price,
    every cost taken off, so that the column sums to closing equity less that of holding; `markout_60s_bps` and so
    on: the move in the fill's favour so many seconds later against `paid_price`, missing beyond the tape's end.

    Args:
        markouts_s: seconds of the mark-outs.
    """
    frame, landed = run.frame, run.landed
    rows = np.array([order.row for order in landed], dtype=np.intp)
    amounts = np.array([worth_of(frame, order) for order in landed], dtype=object).reshape(len(landed), 7)
    units = np.array([frame.pool.base.unit] + 6 * [frame.pool.quote.unit], dtype=object)
    base, quote, fee, impact, mev, gas, pnl = (amounts / units).astype(np.float64).T
    buys = np.array([order.buys for order in landed], dtype=bool)
    paid = paid_price(buys, base, quote, gas)
    columns = {
        "decided_at": frame.at_index[[order.decided_row for order in landed]],
        "side": pd.array(np.where(buys, "BUY", "SELL"), dtype="string"),
        "outcome": pd.array([OUTCOME_NAMES[order.outcome] for order in landed], dtype="string"),
        "price": frame.price[rows],
        "paid_price": paid,
        "base": base,
        "quote": quote,
        "fee": fee,
        "impact": impact,
        "mev": mev,
        "gas": gas,
        "cost": fee + impact + mev + gas,
        "pnl": pnl,
        **{f"markout_{horizon}s_bps": markout_bps(frame, rows, buys, paid, horizon) for horizon in markouts_s},
        "reason": pd.array(run.orders.reason[[order.index for order in landed]], dtype="string"),
    }
    return pd.DataFrame(columns, index=frame.at_index[rows])


def order_table(run: Run) -> pd.DataFrame:
    """Every wish to trade and all that can be shown of it, shape (m, 44 or more), by the row it was decided on.

    Columns: those of `replay.evidence.evidence` but `row`; `reason`; of a language model `prompt`, `answer`, `p_buy`,
    `p_hold` and `p_sell` (see `decision_table`). `filters` is a list for each order, of a dictionary for each filter.
    """
    told = pa.concat_tables(evidence(run)).to_pandas().set_index("row")
    orders, tape = run.orders, run.decided.tape
    told["reason"] = pd.array(orders.reason[:], dtype="string")
    for name in ("side", "outcome", "rejected_by"):
        told[name] = told[name].astype("string")
    if tape.transcript is not None:
        columns = tape.transcript.rows(orders.row).columns()
        said = {"prompt": columns["prompt"], "answer": columns["said"]}
        for name, texts in said.items():
            told[name] = pd.array([text or None for text in texts], dtype="string")
        for name in ("p_buy", "p_hold", "p_sell"):
            told[name] = columns[name]
    elif tape.raw_text is not None:
        told["answer"] = pd.array(tape.raw_text[orders.row], dtype="string")
    return told


def trade_table(run: Run) -> pd.DataFrame:
    """The closed trades: each sale against the average cost of the base it sold, by UTC time of the sale.

    The opening base enters at the first price; gas belongs to the cost of a buy and the proceeds of a sale. The
    column `pnl` is what `win_rate` and `profit_factor` are made of.

    Columns: `entry_at` (mean time at which the base sold was acquired, weighted by amount), `holding` (from then to
    the sale), `base` (sold, and paid as gas), `entry_price` and `exit_price` (quote per base, all costs in), `cost`
    and `proceeds`, `pnl` (quote), `return` (pnl over cost; missing where there was no cost).
    """
    trades, frame = list(closed_trades(run)), run.frame
    exit_at = frame.at_index[np.array([trade.row for trade in trades], dtype=np.intp)].rename("exit_at")
    entry_at = frame.at_index[0] + pd.to_timedelta([trade.entry_s for trade in trades], unit="s")
    base, cost, proceeds = (
        np.array([getattr(trade, name) for trade in trades], dtype=np.float64) for name in ("base", "cost", "proceeds")
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = {
            "entry_at": entry_at,
            "holding": exit_at - entry_at,
            "base": base,
            "entry_price": cost / base,
            "exit_price": proceeds / base,
            "cost": cost,
            "proceeds": proceeds,
            "pnl": proceeds - cost,
            "return": np.where(cost > 0, (proceeds - cost) / cost, np.nan),
        }
    return pd.DataFrame(columns, index=exit_at)
