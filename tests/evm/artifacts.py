"""Published bytecode, from the npm packages that `make setup-contracts` installs."""

from __future__ import annotations

import importlib.util
import json
import platform
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / ".venv" / "evm" / "node_modules"

_V3, _V4 = "@uniswap/v3-core/artifacts/contracts/", "@uniswap/v4-core/out/"
PATHS = {
    "ERC20": "@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json",
    "V3Factory": _V3 + "UniswapV3Factory.sol/UniswapV3Factory.json",
    "V3Pool": _V3 + "UniswapV3Pool.sol/UniswapV3Pool.json",
    "V3Router": "@uniswap/v3-periphery/artifacts/contracts/SwapRouter.sol/SwapRouter.json",
    "V4PoolManager": _V4 + "PoolManager.sol/PoolManager.json",
    "V4Swap": _V4 + "PoolSwapTest.sol/PoolSwapTest.json",
    "V4Liquidity": _V4 + "PoolModifyLiquidityTestNoChecks.sol/PoolModifyLiquidityTestNoChecks.json",
    "V4DynamicFee": _V4 + "DynamicFeesTestHook.sol/DynamicFeesTestHook.json",
    "V4TickMath": _V4 + "TickMathTest.sol/TickMathTest.json",
}
"""Where each contract's compiled form lies in the packages."""


def creation_code(name: str) -> bytes:
    """Code that deploys a contract; its constructor's arguments follow."""
    return _code(name, "bytecode")


def deployed_code(name: str) -> bytes:
    """Code as it lies on the chain; only of contracts without immutables."""
    return _code(name, "deployedBytecode")


def anvil() -> Path:
    """The node's program for this machine; absent where there is none."""
    system = platform.system().lower()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    return FOLDER / "@foundry-rs" / f"anvil-{system}-{machine}" / "bin" / "anvil"


def missing() -> str | None:
    """Why the contracts can't be had, or None."""
    if all((FOLDER / path).exists() for path in PATHS.values()):
        return None
    return "npm is absent: the published contracts are not installed; with npm, run make setup-contracts"


def why_no_node() -> str | None:
    """Why there can be no node here, or None."""
    if importlib.util.find_spec("web3") is None:
        return "web3 is not installed"
    return missing() or (None if anvil().exists() else "@foundry-rs/anvil has no program for this machine")


def _code(name: str, part: str) -> bytes:
    code = json.loads((FOLDER / PATHS[name]).read_text())[part]
    text = code if isinstance(code, str) else code["object"]
    return bytes.fromhex(text.removeprefix("0x"))
