"""Programs a tutorial's reader types, with the facts they expect to see."""
