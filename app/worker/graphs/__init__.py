"""autograd's graphs: each backward pass, its nodes, edges and gradients, and what nodes saved."""
