"""A small contract that calls a v3 pool and pays what the pool asks for in its callbacks."""

from __future__ import annotations

# With more than 32 bytes of which the first word is an address, the rest is passed on to that address.
# A pool's callback pays with the two tokens whose addresses it was given as callback data.
SOURCE = """
    push1 0  calldataload  push1 224  shr
    dup1  push4 d3487997  eq  push2 pay  jumpi      ; uniswapV3MintCallback(uint256,uint256,bytes)
    dup1  push4 fa461e33  eq  push2 pay  jumpi      ; uniswapV3SwapCallback(int256,int256,bytes)
    push1 32  calldatasize  sub                     ; size of what is passed on
    dup1  push1 32  push1 0  calldatacopy
    push1 0  push1 0  dup3  push1 0  push1 0  push1 0  calldataload  gas  call
    returndatasize  push1 0  push1 0  returndatacopy
    push2 done  jumpi
    returndatasize  push1 0  revert
done:
    returndatasize  push1 0  return
pay:
    push4 a9059cbb  push1 224  shl  push1 0  mstore ; transfer(address,uint256)
    caller  push1 4  mstore
    push1 0  push1 4  calldataload  sgt  iszero  push2 second  jumpi
    push1 4  calldataload  push1 36  mstore
    push1 0  push1 0  push1 68  push1 0  push1 0  push1 132  calldataload  gas  call
    iszero  push2 fail  jumpi
second:
    push1 0  push1 36  calldataload  sgt  iszero  push2 end  jumpi
    push1 36  calldataload  push1 36  mstore
    push1 0  push1 0  push1 68  push1 0  push1 0  push1 164  calldataload  gas  call
    iszero  push2 fail  jumpi
end:
    stop
fail:
    push1 0  push1 0  revert
"""

_CODES = {
    "stop": 0x00, "sub": 0x03, "sgt": 0x13, "eq": 0x14, "iszero": 0x15, "shl": 0x1B, "shr": 0x1C, "caller": 0x33,
    "calldataload": 0x35, "calldatasize": 0x36, "calldatacopy": 0x37, "codecopy": 0x39, "returndatasize": 0x3D,
    "returndatacopy": 0x3E, "mstore": 0x52, "jumpi": 0x57, "gas": 0x5A, "push1": 0x60, "push2": 0x61, "push4": 0x63,
    "dup1": 0x80, "dup3": 0x82, "call": 0xF1, "return": 0xF3, "revert": 0xFD,
}  # fmt: skip
_JUMPDEST = 0x5B


def assembled(source: str) -> bytes:
    """Machine code of an assembly text: mnemonics, `label:`, decimal push1, hexadecimal push4, push2 of a label."""
    words = [word for line in source.splitlines() for word in line.split(";")[0].split()]
    code, labels, wanted = bytearray(), {}, {}
    following = iter(words)
    for word in following:
        if word.endswith(":"):
            labels[word[:-1]] = len(code)
            code.append(_JUMPDEST)
            continue
        code.append(_CODES[word])
        if word == "push1":
            code.append(int(next(following)))
        elif word == "push4":
            code += bytes.fromhex(next(following))
        elif word == "push2":
            wanted[len(code)] = next(following)
            code += b"\0\0"
    for place, label in wanted.items():
        code[place : place + 2] = labels[label].to_bytes(2, "big")
    return bytes(code)


def creation_code() -> bytes:
    """Code that deploys the contract."""
    body = assembled(SOURCE)
    loader = assembled("push1 0 push1 0 push1 0 codecopy push1 0 push1 0 return")
    head = bytearray(loader)
    head[1], head[3], head[8] = len(body), len(loader), len(body)
    return bytes(head) + body
