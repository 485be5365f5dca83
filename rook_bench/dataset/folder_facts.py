"""What a prepared folder holds: tables, shapes, columns, splits, labels, and what does not fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd

from rook_bench.core import SIDE_NAMES, InputError
from rook_bench.dataset.folds import has_folds, read_folds
from rook_bench.dataset.split_tapes import SPLITS as TAPES
from rook_bench.dataset.split_tapes import has_split_tapes, split_tape
from rook_bench.ingest.text_files import read_number_columns

TABLES = ("core_features", "core_conditions", "labeled_dataset", "train", "val", "test")
SPLITS = ("train", "val", "test")


def folder_facts(folder: str | Path) -> dict[str, Any]:
    """Rows and columns of each table, missing values, label shares, and a list of problems.

    Raises:
        InputError: where there is no such folder, no known table in it, or a table can't be read.

    Of a folder of folds these facts are told of each.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError("no such folder", where=folder, hint="give what rook-bench data prepare wrote")
    if has_folds(folder):
        record = read_folds(folder, "data")
        return {"folder": str(folder), **{name: folder_facts(folder / name) for name in record.names}}
    tables = {name: _table(path) for name in TABLES if (path := _file(folder, name)) is not None}
    alone = not tables and has_split_tapes(folder)  # a fold is tapes and nothing else
    if not tables and not alone:
        raise InputError(f"none of {', '.join(TABLES)} (.csv or .csv.gz) is here", where=folder)
    facts: dict[str, Any] = {"folder": str(folder)}
    if not alone:
        facts |= {"tables": {}, "columns": {}, "labels": {}}
    tapes, problems = _tapes(folder)
    if tapes:
        facts["tapes"] = tapes
    # Windows are written where they are asked for; a folder without exact tapes has nothing but them.
    needed = [name for name in TABLES if (name not in SPLITS or not has_split_tapes(folder)) and not alone]
    problems += [f"{name}.csv is missing" for name in needed if name not in tables]
    for name, table in tables.items():
        facts["tables"][name] = f"{len(table):,} rows x {table.shape[1]} columns"
        columns = list(table.columns)
        facts["columns"][name] = columns if len(columns) <= 24 else [*columns[:6], f"... {len(columns) - 6} more"]
        gaps = table.columns[table.isna().any()]
        problems += [f"{name}: column '{column}' has {int(table[column].isna().sum())} empty cells" for column in gaps]
        word = "side_raw" if "side_raw" in table else "side" if "side" in table else None
        if word is not None:
            shares = table[word].value_counts(normalize=True)
            facts["labels"][name] = {str(side): f"{share:.1%}" for side, share in shares.items()}
            problems += [f"{name}: no {side}" for side in ("BUY", "HOLD", "SELL") if side not in shares.index]
    facts["problems"] = problems + _against_metadata(folder, tables)
    return facts


def _tapes(folder: Path) -> tuple[dict[str, str], list[str]]:
    """What the exact tapes of the splits hold, and what is wrong with them."""
    if not has_split_tapes(folder):
        return {}, []
    facts, problems = {}, []
    for word, name in TAPES.items():
        try:
            tape = split_tape(folder, word)
            frame = tape.read()
        except InputError as error:
            problems.append(str(error))
            continue
        sides = pd.Series(frame.labels["label_side"]).value_counts(normalize=True)
        labels = ", ".join(f"{side} {share:.1%}" for side, share in sides.items())
        facts[name] = f"{len(frame):,} swaps, rows {tape.first + 1:,} to {tape.last + 1:,}, {labels}"
        problems += [f"{name}.parquet: no {side}" for side in SIDE_NAMES if side not in sides.index]
    return facts, problems


def _file(folder: Path, name: str) -> Path | None:
    return next((path for ending in (".csv", ".csv.gz") if (path := folder / f"{name}{ending}").is_file()), None)


def _table(path: Path) -> pd.DataFrame:
    table = read_number_columns(path)
    if table.shape[1] < 2:  # any bytes are a column of something
        raise InputError("not a readable table (it has a single column)", where=path, hint="prepare the folder again")
    return table


def _against_metadata(folder: Path, tables: dict[str, pd.DataFrame]) -> list[str]:
    path = folder / "metadata.json"
    if not path.is_file():
        return ["metadata.json is missing"]
    try:
        sizes = json.loads(path.read_text(encoding="utf-8"))["splits"]
    except (json.JSONDecodeError, KeyError, TypeError, UnicodeDecodeError):
        return ["metadata.json can't be read, or names no splits"]
    return [
        f"{name}.csv has {len(tables[name])} rows, metadata.json says {sizes[f'{name}_size']}"
        for name in SPLITS
        if name in tables and sizes.get(f"{name}_size", len(tables[name])) != len(tables[name])
    ]
