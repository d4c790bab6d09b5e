"""The examples of the API's reference. Every one of them is posted to the running app by the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SCALARS: Mapping[str, Any] = {
    "x": {"value": 3.0},
    "w": {"value": 4.0, "requires_grad": True},
    "b": {"value": 5.0, "requires_grad": True},
}

EVALUATE_EXAMPLES: Mapping[str, Any] = {
    "scalars": {
        "summary": "y = x*w + b, with its gradients",
        "value": {"source": "y = x*w + b", "inputs": SCALARS},
    },
    "matrices": {
        "summary": "Matrices made on the server, and a backward pass from a tensor that is no scalar",
        "value": {
            "source": "y = x @ w",
            "inputs": {
                "x": {"shape": [2, 2], "init": "ones"},
                "w": {"shape": [2, 2], "init": "randn", "seed": 0, "dtype": "float32", "requires_grad": True},
            },
            "backward": "y",
        },
    },
    "raises": {
        "summary": "A program that raises: still 200, with everything up to the failing line",
        "value": {
            "source": "a = torch.ones(2, 3)\nb = torch.ones(4, 5)\nc = a @ b",
            "graph": {"format": "none"},
        },
    },
    "prints": {
        "summary": "Output, the last expression's value and watched expressions",
        "value": {
            "source": "t = torch.arange(6).reshape(2, 3)\nprint(t.sum())\nt.T",
            "watch": ["t.shape"],
            "graph": {"format": "json"},
        },
    },
    "torchviz": {
        "summary": "torchviz's own picture",
        "value": {
            "source": "y = x*w + b",
            "inputs": SCALARS,
            "graph": {"style": "torchviz", "format": "svg"},
        },
    },
}

DIFF_EXAMPLES: Mapping[str, Any] = {
    "programs": {
        "summary": "What another activation changes",
        "value": {
            "before": {"source": "y = torch.tanh(x*w + b)", "inputs": SCALARS},
            "after": {"source": "y = torch.relu(x*w + b)", "inputs": SCALARS},
        },
    },
}

TRAINING = """
x = torch.linspace(-1, 1, 64).unsqueeze(1)
y = 2 * x + 1
model = nn.Linear(1, 1)
optimizer = optim.SGD(model.parameters(), lr=0.1)
for epoch in range(200):
    loss = F.mse_loss(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""".strip()
RUN_EXAMPLES: Mapping[str, Any] = {
    "training": {
        "summary": "A training loop: its loss comes while it trains",
        "value": {"source": TRAINING, "seed": 0, "graph": {"format": "none"}},
    },
    "watched": {
        "summary": "Expressions of your own followed as curves beside the loss",
        "value": {
            "source": TRAINING,
            "watch": ["model.weight.item()", "model.bias.grad.norm()"],
            "graph": {"format": "none"},
        },
    },
    "slow": {
        "summary": "The same in slow motion, paused when its loss becomes NaN or infinite",
        "value": {
            "source": TRAINING,
            "pace": {"steps_per_second": 100.0, "pause_on_nonfinite": True},
            "graph": {"format": "none"},
        },
    },
    "scalars": {
        "summary": "Any program that evaluate takes",
        "value": {"source": "y = x*w + b", "inputs": SCALARS},
    },
}
CONTROL_EXAMPLES: Mapping[str, Any] = {
    "pause": {"summary": "Pause at the next moment", "value": {"do": "pause"}},
    "step": {"summary": "Make one step, then pause", "value": {"do": "step"}},
    "speed": {"summary": "Slow motion", "value": {"do": "speed", "steps_per_second": 2.0}},
    "resume": {"summary": "Go on", "value": {"do": "resume"}},
    "watch": {
        "summary": "Follow an expression from the next step on",
        "value": {"do": "watch", "expression": "model.weight.grad"},
    },
}
