"""Two ERC20 tokens in the order of their addresses, as a pool's token0 and token1."""

from __future__ import annotations

from artifacts import creation_code
from chain import Chain, answer, call_data
from eth_abi import encode

MAX_UINT256 = 2**256 - 1


def two_tokens(chain: Chain) -> tuple[str, str]:
    """Deploy them; the chain's sender owns 2**256 - 1 of each."""
    code = creation_code("ERC20") + encode(
        ["string", "string", "uint256", "address"], ["Test token", "TEST", MAX_UINT256, chain.sender]
    )
    first, second = sorted((chain.deploy(code), chain.deploy(code)), key=str.lower)
    return first, second


def give(chain: Chain, token: str, to: str, amount: int) -> None:
    """Transfer from the sender."""
    chain.send(token, call_data("transfer(address,uint256)", to, amount))


def approve(chain: Chain, token: str, spender: str) -> None:
    """Let a contract spend all that the sender has."""
    chain.send(token, call_data("approve(address,uint256)", spender, MAX_UINT256))


def balance(chain: Chain, token: str, owner: str) -> int:
    """What `owner` has."""
    return answer(chain, token, "balanceOf(address)", owner, returns=["uint256"])[0]
