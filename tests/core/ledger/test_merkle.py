"""Merkle trees: the well-known tree of eight leaves of RFC 6962's implementations, and every path of small trees."""

import pytest

from app.core.ledger import merkle

ENTRIES = [
    bytes.fromhex(each)
    for each in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
LEAVES = [merkle.leaf_hash(each) for each in ENTRIES]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
# leaf (from 0), leaves of the tree, path
PATHS = (
    (0, 1, ()),
    (
        0,
        8,
        (
            "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        ),
    ),
    (
        5,
        8,
        (
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        ),
    ),
    (2, 3, ("fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",)),
    (
        1,
        5,
        (
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
            "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        ),
    ),
)


@pytest.mark.parametrize(("size", "root"), ROOTS.items())
def test_the_root_is_that_of_the_published_tree(size: int, root: str) -> None:
    assert merkle.root(LEAVES[:size]).hex() == root


@pytest.mark.parametrize(("index", "size", "path"), PATHS)
def test_the_path_is_that_of_the_published_tree(index: int, size: int, path: tuple[str, ...]) -> None:
    assert [each.hex() for each in merkle.inclusion_path(LEAVES[:size], index)] == list(path)


def test_every_path_leads_to_the_root_and_no_other_leaf_or_place_does() -> None:
    leaves = [merkle.leaf_hash(bytes([each])) for each in range(20)]
    for size in range(1, len(leaves) + 1):
        root = merkle.root(leaves[:size])
        for index in range(size):
            path = merkle.inclusion_path(leaves[:size], index)
            assert merkle.root_of_path(leaves[index], index, size, path) == root
            assert merkle.root_of_path(leaves[index - 1], index, size, path) != root or size == 1
            assert merkle.root_of_path(leaves[index], index, size, [*path, root]) is None
            assert size == 1 or merkle.root_of_path(leaves[index], index, size, path[:-1]) != root
            assert size == 1 or merkle.root_of_path(leaves[index], index ^ 1, size, path) != root
    assert merkle.root_of_path(leaves[0], 1, 1, []) is None


def test_a_leaf_that_is_not_there_has_no_path() -> None:
    for index in (-1, 3):
        with pytest.raises(IndexError):
            merkle.inclusion_path(LEAVES[:3], index)
