"""Python's own messages, as this Python writes them, are said again in Chinese with their words in place."""

from __future__ import annotations

import pytest

from app.vocabulary.trace import Raised
from app.web.languages import load_languages
from app.worker.telling.python_words import SAID, restate
from tests.worker.running import run

CHINESE = load_languages("zh").by_code["zh"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("print(lr)", "名字“lr”没有定义"),
        ("def f():\n    print(n)\n    n = 1\nf()", "局部变量“n”在这里还没有值"),
        ("torch.fron_numpy", "模块“torch”没有属性“fron_numpy”"),
        ("[].push(1)", "“list”对象没有属性“push”"),
        ("'a' - 1", "“str”与“int”之间不支持运算 -"),
        ("-'a'", "一元运算 - 不支持“str”"),
        ("'a' < 1", "“str”与“int”之间不能用“<”比较"),
        ("one = 1\none(2)", "“int”对象不能调用"),
        ("for i in 5: pass", "“int”对象不能迭代"),
        ("nothing = None\nnothing[0]", "“NoneType”对象不能用下标取值"),
        ("x = (1, 2)\nx[0] = 3", "“tuple”对象不能按下标赋值"),
        ("range(1.5)", "“float”对象不能当作整数"),
        ("len(5)", "“int”类型的对象没有 len()"),
        ("{[]: 1}", "“list”类型不可哈希，不能作字典的键或集合的元素"),
        ("several = [1]\nseveral['a']", "list 的下标必须是整数或切片，不能是 str"),
        ("def f(a): pass\nf()", "f() 缺少 1 个必需的位置参数：“a”"),
        ("def f(a, b): pass\nf()", "f() 缺少 2 个必需的位置参数：'a' and 'b'"),
        ("def f(a): pass\nf(1, 2)", "f() 只接受 1 个位置参数，却给了 2 个"),
        ("def f(a): pass\nf(b=1)", "f() 没有关键字参数“b”"),
        ("[1][3]", "列表下标越界"),
        ("{'a': 1}['b']", "没有键 'b'。"),
        ("1 / 0", "除以零"),
        ("a, b = 1,", "拆包时值不够（需要 2 个，只有 1 个）"),
        ("a, b = 1, 2, 3", "拆包时值太多（只需要 2 个）"),
        ("a, b = 5", "int 对象不能迭代，无法拆包"),
        ("int('a b')", "int() 无法把 'a b' 读作 10 进制整数"),
        ("float('x')", "无法把字符串转换为浮点数：'x'"),
        ("import no_such_thing", "没有名为“no_such_thing”的模块"),
    ],
)  # fmt: skip
def test_message_is_said_in_chinese(source: str, said: str) -> None:
    outcome = run("if True:\n    pass\n" + source).outcome
    assert isinstance(outcome, Raised)
    assert outcome.restated is not None, outcome.message
    assert CHINESE.say(outcome.restated) == said


def test_english_says_the_message_itself() -> None:
    for text in SAID:
        again = restate("TypeError", text.template.replace("{", "<").replace("}", ">"))
        assert again is not None


@pytest.mark.parametrize("message", ["", "something of the program's own", "x" * 10_000])
def test_other_messages_are_left_alone(message: str) -> None:
    assert restate("ValueError", message) is None
