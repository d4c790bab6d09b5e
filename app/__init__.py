"""Tensor Playground: type PyTorch, see shapes, values, gradients and the autograd graph."""
