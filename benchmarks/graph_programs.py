"""The programs whose graphs are timed, from one line to 50,000 nodes; networks are narrow, which no graph shows."""

from __future__ import annotations

LINE = """
import torch
x, w, b = (torch.tensor(number, requires_grad=True) for number in (2.0, 3.0, 1.0))
loss = x*w + b
loss.backward()
"""
MLP = """
import torch
from torch import nn
from torch.nn import functional as F
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 1))
loss = F.mse_loss(net(torch.randn(6, 4)), torch.zeros(6, 1))
loss.backward()
"""
RESNET = """
import time
import torch
from torch import nn
from torch.nn import functional as F
torch.set_num_threads(1)

def conv(before, after, size, stride=1):
    return nn.Conv2d(before, after, size, stride, size // 2, bias=False)

class Shortcut(nn.Sequential):
    def __init__(self, before, after, stride):
        same = before == after and stride == 1
        super().__init__(*([] if same else [conv(before, after, 1, stride), nn.BatchNorm2d(after)]))

class Basic(nn.Module):
    expansion = 1
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(before, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.relu, self.downsample = nn.ReLU(inplace=True), Shortcut(before, width, stride)
    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        h += self.downsample(x)
        return self.relu(h)

class Bottleneck(nn.Module):
    expansion = 4
    def __init__(self, before, width, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(before, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, 4 * width, 1), nn.BatchNorm2d(4 * width)
        self.relu, self.downsample = nn.ReLU(inplace=True), Shortcut(before, 4 * width, stride)
    def forward(self, x):
        h = self.relu(self.bn1(self.conv1(x)))
        h = self.relu(self.bn2(self.conv2(h)))
        h = self.bn3(self.conv3(h))
        h += self.downsample(x)
        return self.relu(h)

class ResNet(nn.Module):
    def __init__(self, block, counts, width):
        super().__init__()
        self.conv1, self.bn1, self.relu = conv(3, width, 7, 2), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        self.maxpool, before = nn.MaxPool2d(3, 2, 1), width
        for number, count in enumerate(counts, 1):
            blocks = []
            for place in range(count):
                blocks.append(block(before, width, 2 if number > 1 and not place else 1))
                before = width * block.expansion
            setattr(self, f"layer{{number}}", nn.Sequential(*blocks))
            width *= 2
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(before, 1000)
    def forward(self, x):
        h = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        h = self.layer4(self.layer3(self.layer2(self.layer1(h))))
        return self.fc(torch.flatten(self.avgpool(h), 1))

net, images = ResNet({block}, {counts}, {width}), torch.randn(2, 3, {size}, {size})
"""
ONCE = """
loss = F.cross_entropy(net(images), torch.tensor([1, 2]))
loss.backward()
"""
TIMED = """
taken = []
for _ in range(4):
    net.zero_grad()
    began = time.perf_counter()
    loss = F.cross_entropy(net(images), torch.tensor([1, 2]))
    loss.backward()
    taken.append(time.perf_counter() - began)
print(min(taken[1:]))
"""
WITHOUT_ONEDNN = "import torch; torch.backends.mkldnn.set_flags(False)\n"
TRANSFORMER = """
import torch
from torch import nn
layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
net = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
loss = net(torch.randn(2, 5, 16)).mean()
loss.backward()
"""
LSTM = """
import torch
cell = torch.nn.LSTMCell(3, 4)
h = c = torch.zeros(1, 4)
for _ in range(50):
    h, c = cell(torch.randn(1, 3), (h, c))
loss = h.sum()
loss.backward()
"""
LOOP = """
import torch
w = torch.tensor(0.9, requires_grad=True)
h = torch.tensor(1.0)
for _ in range(1_000):
    h = torch.tanh(h * w)
loss = h + 0
loss.backward()
"""
SYNTHETIC = """
import torch
w = torch.ones(2, requires_grad=True)
h = w * 1
for _ in range({blocks}):
    inner = torch.cos(torch.sin(h))
    h = h + inner
loss = h.sum()
loss.backward()
"""


def resnet(block: str, counts: list[int], width: int = 4, size: int = 32) -> str:
    return RESNET.format(block=block, counts=counts, width=width, size=size)


def programs() -> dict[str, str]:
    return {
        "y = x*w + b": LINE,
        "MLP": MLP,
        "ResNet-18": resnet("Basic", [2, 2, 2, 2]) + ONCE,
        "ResNet-50": resnet("Bottleneck", [3, 4, 6, 3]) + ONCE,
        "ResNet-152": resnet("Bottleneck", [3, 8, 36, 3]) + ONCE,
        "transformer-12": TRANSFORMER,
        "LSTMCell-50": LSTM,
        "shared weight x 1000": LOOP,
        "synthetic 10k": SYNTHETIC.format(blocks=3_333),
        "synthetic 50k": SYNTHETIC.format(blocks=16_660),
    }
