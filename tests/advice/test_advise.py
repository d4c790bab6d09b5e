"""What a program's text foretells: a table of programs, with those that only look alike."""

from __future__ import annotations

import pytest

from app.advice.advise import advise, fixed, key_of, worth_saying
from app.vocabulary.values import Span

FORETOLD: tuple[tuple[str, str], ...] = (
    ("file", "open('a.txt')"),
    ("file", "with open('data.csv') as f: pass"),
    ("file", "with open('C:\\\\data\\\\x.csv', encoding='utf8') as f: pass"),
    ("file", "open('a.txt', mode='rb')"),
    ("file", "torch.load('model.pt')"),
    ("file", "np.loadtxt('a.txt')"),
    ("file", "import pandas as pd\npd.read_csv('a.csv')"),
    ("file", "plt.imread('cat.jpg')"),
    ("file", "from PIL import Image\nImage.open('cat.jpg')"),
    ("network", "import pandas as pd\npd.read_csv('https://example.org/a.csv')"),
    ("network", "import urllib.request\nurllib.request.urlopen('x')"),
    ("network", "from urllib.request import urlretrieve\nurlretrieve('x')"),
    ("network", "torch.hub.load('a', 'b')"),
    ("network", "import socket\ns = socket.socket()"),
    ("download", "from sklearn.datasets import fetch_openml\nfetch_openml('mnist_784')"),
    ("download", "from sklearn import datasets\nx = datasets.fetch_california_housing()"),
    ("removed", "from sklearn.datasets import load_boston\nload_boston()"),
    ("download", "from torchvision import datasets\ndatasets.MNIST('.', download=True)"),
    ("download", "import torchvision\ntorchvision.datasets.Flowers102('.')"),
    ("weights", "from torchvision import models\nmodels.resnet18(pretrained=True)"),
    ("weights", "from torchvision.models import resnet18\nresnet18(weights='DEFAULT')"),
    ("weights", "from torchvision import models\nmodels.vgg16(True)"),
    ("tensorflow", "import tensorflow as tf"),
    ("tensorflow", "from keras.models import Sequential"),
    ("package", "import gym"),
    ("package", "import jieba"),
    ("package", "from google.colab import drive"),
    ("download", "from d2l import torch as d2l\nd2l.load_data_fashion_mnist(256)"),
    ("process", "import subprocess\nsubprocess.run('ls')"),
    ("process", "import os\nos.system('ls')"),
    ("process", "import multiprocessing as mp\nmp.Pool(2)"),
    ("process", "from torch.multiprocessing import spawn\nspawn(print)"),
    ("process", "torch.distributed.init_process_group('gloo')"),
    ("compile", "net = torch.compile(nn.Linear(1, 1))"),
    ("compile", "@torch.compile\ndef f(x): return x"),
    ("keyboard", "x = input()"),
    ("keyboard", "n = int(input('how many? '))"),
    ("variable", "from torch.autograd import Variable\nVariable(torch.ones(1))"),
    ("variable", "import torch.autograd as autograd\nautograd.Variable(torch.ones(1), volatile=True)"),
    ("range", "torch.range(0, 3)"),
    ("reduction", "nn.MSELoss(size_average=False)"),
    ("reduction", "F.cross_entropy(x, y, reduce=False)"),
    ("renamed", "nn.init.xavier_uniform(w)"),
    ("renamed", "torch.nn.utils.clip_grad_norm(p, 1)"),
    ("function", "class F2(torch.autograd.Function):\n    def forward(self, x): return x"),
    ("import", "loader = DataLoader([1, 2])"),
    ("import", "class Rows(Dataset):\n    pass"),
    ("import", "'''Reads.'''\nframe = pd.DataFrame()"),
    ("import", "began = time.time()"),
    ("misspelt", "loss = torch.ones(1)\nlosss.backward()"),
    ("misspelt", "def f(weight): return wieght * 2"),
    ("misspelt", "x = torch.ones(2)\nx.requires_gard = True"),
    ("print", "print 'hello'"),
    ("print", "for i in x:\n    print i,"),
)
SOUND = (
    "open('a.txt', 'w')",
    "with open('a.txt', 'w') as f: pass\nopen('a.txt')",
    "open('a.txt', mode='w', encoding='utf8')",
    "open('a.txt', mode)",
    "torch.save(x, 'm.pt')\ntorch.load('m.pt')",
    "import io\ntorch.load(io.BytesIO())",
    "path = f()\nopen(path)",
    "path = 'm.pt'\ntorch.save(x, path)\ntorch.load(path)",
    "path = 'a.csv'\npath = f(path)\nopen(path)",
    "def open(path): return 3\nopen('a')",
    "open = max\nopen('a')",
    "'open(\"a.txt\")'",
    "def input(): return 1\ninput()",
    "input = torch.randn(3)\ninput(3)",
    "class A:\n    def input(self): pass\nA().input()",
    "try:\n    import gym\nexcept ImportError:\n    gym = None",
    "try:\n    open('a')\nexcept OSError:\n    pass",
    "import pandas as pd\npd.DataFrame()",
    "import urllib.parse\nurllib.parse.quote('a')",
    "import os\nos.path.join('a', 'b')",
    "import sklearn.datasets\nsklearn.datasets.load_iris()",
    "from sklearn.datasets import load_digits\nload_digits()",
    "import multiprocessing\nmultiprocessing.cpu_count()",
    "torch.compiler.disable(f)",
    "with open('input.txt', 'w') as f: f.write('a')\nprint(open('input.txt').read())",
    "print('names.txt')",
    "from torchvision import datasets\npicture.save('a/b/1.png')\ndatasets.ImageFolder('a')",
    "re = 1\nimport re\nre.compile('a')",
    "import re\nre.compile('a')",
    "compile('1', 'a', 'eval')",
    "for i in range(3): pass",
    "torch.arange(0, 3)",
    "nn.MSELoss(reduction='sum')",
    "nn.init.xavier_uniform_(w)",
    "torch.nn.utils.clip_grad_norm_(p, 1)",
    "x.range(3)",
    "y = weight1 * x + weight2",
    "weight1 = torch.ones(1)\ny = weight1 * weight2",
    "y = time * speed",
    "y = time.sum()",
    "y = DataLoader",
    "from collections import *\nOrderedDict()",
    "try:\n    f()\nexcept ValueError as error:\n    print(error.args)",
    "x.requires_grad = True",
    "import torchvision",
    "from torchvision import datasets\ndatasets.FakeData()",
    "from torchvision import models\nmodels.resnet18(weights=None)",
    "from torchvision import models\nmodels.resnet18(pretrained=False)",
    "class A:\n    def __init__(self): self.require_grad = 1",
    "requests = [1]\nrequests.append(2)",
    "class F2(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x): return x",
    "class Net(nn.Module):\n    def forward(self, x): return x",
    "class Variable: pass\nVariable()",
    "print('hello')",
    "print",
    "print ('a', 'b')",
    "w.data[0] = 3",
    "net.cuda()",
    "torch.linspace(0, 1)",
    "torch.distributions.Normal(0, 1)",
    "socket = 3",
    "'''\nimport tensorflow\nprint 'x'\n'''",
    "# import torchvision",
    "torch.utils.data.DataLoader(d, num_workers=0)",
)


@pytest.mark.parametrize(("code", "program"), FORETOLD)
def test_foretold(code: str, program: str) -> None:
    assert [each.code for each in worth_saying(advise(program), None)] == [code]


@pytest.mark.parametrize("program", SOUND)
def test_no_false_alarm(program: str) -> None:
    assert worth_saying(advise(program), None) == ()


RENEWED: tuple[tuple[str, str], ...] = (
    (
        "from torch.autograd import Variable\nx = Variable(a + b, requires_grad=True)",
        "x = (a + b).requires_grad_()",
    ),
    ("from torch.autograd import Variable\nx = Variable(torch.ones(2), volatile=True)", "x = torch.ones(2)"),
    ("print(total_loss.data[0])", "print(total_loss.item())"),
    ("x = torch.range(0, 3)", "x = torch.arange(0.0, 4)"),
    ("f = nn.MSELoss(size_average=False)", "f = nn.MSELoss(reduction='sum')"),
    ("f = nn.MSELoss(reduce=False)", "f = nn.MSELoss(reduction='none')"),
    (
        "x = torch.linspace(-1.0, 1.0, requires_grad=True)",
        "x = torch.linspace(-1.0, 1.0, steps=100, requires_grad=True)",
    ),
    ("import gym", "import gymnasium as gym"),
    ("import gym as g", "import gymnasium as g"),
    ("from gym import spaces", "from gymnasium import spaces"),
    ("print 'a', x", "print('a', x)"),
    ("for i in x: print i,", "for i in x: print(i, end=' ')"),
    ("from sklearn.datasets import load_boston\nx = load_boston()", "x = load_diabetes()"),
    ("名 = '。'; x = torch.range(0, 3)", "名 = '。'; x = torch.arange(0.0, 4)"),
)


def test_table_that_is_not_here_is_written_with_the_columns_the_program_names() -> None:
    program = (
        "import pandas as pd\nif True:\n    df = pd.read_csv(r'C:\\a\\my.csv', encoding='gbk')\n"
        "    y = df['年']\nX = df.drop(['b', '年'], axis=1)"
    )
    (advice,) = advise(program)
    made = fixed(program, key_of(advice)).split("\n")
    assert (
        "columns=['b', '年', 'x1', 'x2', 'x3', 'x4']).to_csv('my.csv', index=False, encoding='gbk')"
        in made[2]
    )
    assert made[3] == "    df = pd.read_csv('my.csv', encoding='gbk')"
    assert advise("import pandas as pd\ndf = pd.read_csv('my.csv')")[0].fix is None


@pytest.mark.parametrize(("old", "last_line"), RENEWED)
def test_fix_writes_what_replaced_it(old: str, last_line: str) -> None:
    advice = advise(old)
    assert fixed(old, key_of(advice[0])).split("\n")[-1] == last_line


def test_function_of_old_becomes_static_and_is_applied() -> None:
    old = (
        "class Relu(torch.autograd.Function):\n    def forward(self, x):\n        return x\n"
        "    def backward(self, g):\n        return g\ny = Relu()(x)"
    )
    assert fixed(old, key_of(advise(old)[0])) == (
        "class Relu(torch.autograd.Function):\n    @staticmethod\n    def forward(self, x):\n        return x\n"
        "    @staticmethod\n    def backward(self, g):\n        return g\ny = Relu.apply(x)"
    )


def test_what_is_wrong_only_sometimes_is_said_only_where_it_failed() -> None:
    advice = advise("a = 1\nprint(loss.data[0])")
    assert worth_saying(advice, Span(1, 0, 1, 5)) == ()
    assert [each.code for each in worth_saying(advice, Span(2, 6, 2, 18))] == ["data_0"]


def test_unknown_key_changes_nothing() -> None:
    assert fixed("torch.range(0, 3)", "nonsense:1:0") == "torch.range(0, 3)"


@pytest.mark.parametrize(
    ("program", "stand_in"),
    [
        ("from torchvision.datasets import MNIST\nMNIST('.')", "MNIST"),
        ("import torchvision\ntorchvision.datasets.CIFAR10(root='.')", "CIFAR10"),
        ("from torchvision import datasets\ndatasets.Flowers102('.')", None),
        ("from sklearn.datasets import load_boston\nload_boston()", "boston"),
        ("from sklearn.datasets import fetch_openml\nfetch_openml('mnist_784')", "mnist_784"),
        ("from sklearn.datasets import fetch_openml\nfetch_openml(name='mnist_784')", "mnist_784"),
        ("from sklearn.datasets import fetch_openml\nfetch_openml('adult')", None),
        ("import pandas as pd\npd.read_csv('https://example.org/data/Iris.csv?raw=1')", "iris"),
        ("import pandas as pd\npd.read_csv('titanic_train.csv')", "titanic"),
        ("import pandas as pd\npd.read_csv('sales.csv')", None),
        ("import pandas as pd\nurl = 'http://example.org/iris.data'\npd.read_csv(url)", "iris"),
        ("import pandas as pd\npath = 'titanic.csv'\nframe = pd.read_csv(path)", "titanic"),
        ("np.loadtxt('pima-indians-diabetes.csv', delimiter=',')", "pima"),
        ("from torchvision import datasets\nx = datasets.ImageFolder('a/train')", "pictures"),
        (
            "from torchvision import datasets\nx = datasets.ImageFolder('a')\ntorch.save(x, 'model.pth')",
            "pictures",
        ),
        ("text = open('data/input.txt').read()", "english_text"),
        ("torch.load('data/lenet.pth')", "weights"),
        ("torch.load('numbers.dat')", None),
        ("from PIL import Image\nImage.open('images/dog.jpg')", "picture"),
        ("def load(a, b):\n    return open('data/%s-%s.txt' % (a, b))", "translations"),
        ("import glob\nnames = 'data/names/*.txt'\nprint(glob.glob(names))", "surnames"),
        ("import requests\nrequests.get('https://example.org/names.txt')", "first_names"),
        ("m = torch.hub.load('pytorch/vision:v0.10.0', 'resnet18')", "weights"),
        ("m = torch.hub.load('ultralytics/yolov5', 'yolov5s')", None),
        ("from d2l import torch as d2l\nd2l.load_data_time_machine(32, 35)", "english_text"),
    ],
)
def test_a_stand_in_is_offered_where_there_is_one(program: str, stand_in: str | None) -> None:
    (advice,) = worth_saying(advise(program), None)
    assert advice.stand_in == stand_in
