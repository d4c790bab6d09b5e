"""What is told of a program without autograd: its module trees, and what torch.fx or torch.export traced."""
