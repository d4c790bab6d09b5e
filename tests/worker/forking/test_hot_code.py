"""Code is moved together, and nothing else about a function changes."""

from __future__ import annotations

from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

from app.worker.forking.hot_code import gather_code

PAGE = 4096


def define(text: str, file: str = "<one>") -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(text, file, "exec"), names)
    return names


def pages_of(functions: list[FunctionType]) -> set[int]:
    return {id(each.__code__) // PAGE for each in functions}


def test_what_runs_lies_together_and_the_rest_stays() -> None:
    names = define(
        "\n".join(f"def f{at}(a=1):\n    return a + {at} - len('{'x' * 300}')" for at in range(400))
    )
    functions = [each for each in names.values() if isinstance(each, FunctionType)]
    hot, cold = functions[::8], functions[1::8]
    before, kept = pages_of(hot), [each.__code__ for each in cold]
    said = [each() for each in hot]
    assert gather_code(lambda: [each() for each in hot]) >= len(hot)
    assert len(pages_of(hot)) < 0.8 * len(before)
    assert [each() for each in hot] == said
    assert all(each.__code__ is code for each, code in zip(cold, kept, strict=True))


def test_functions_made_by_functions_are_moved_too() -> None:
    names = define(
        "def outer(n):\n    def inner(k):\n        yield from range(n, k)\n    return inner\nmade = outer(2)"
    )
    outer, made = names["outer"], names["made"]
    old: CodeType = made.__code__
    gather_code(lambda: [*made(5), *outer(1)(3)])
    assert made.__code__ is not old
    assert outer(0).__code__ is made.__code__
    assert [*made(5)] == [2, 3, 4]


def test_code_that_reads_the_same_keeps_its_own_file() -> None:
    texts = [define("def f():\n    return 1", file)["f"] for file in ("<one>", "<two>")]
    calls: list[Callable[[], int]] = [*texts]
    gather_code(lambda: [each() for each in calls])
    assert [each.__code__.co_filename for each in texts] == ["<one>", "<two>"]


def test_what_only_a_fork_may_do_is_moved_too() -> None:
    names = define("def settle(kept):\n    return [each for each in (kept, cannot_be_undone())]")
    done: list[int] = []
    names["cannot_be_undone"] = lambda: done.append(1)
    settle = names["settle"]
    old = settle.__code__
    gather_code(lambda: None, settle)
    assert settle.__code__ is not old
    assert settle.__code__.co_code == old.co_code
    assert not done


def test_a_fork_that_fails_teaches_nothing() -> None:
    def settle(kept: int) -> None:
        raise OSError(kept)

    code = settle.__code__
    gather_code(lambda: None, settle)
    assert settle.__code__ is code
