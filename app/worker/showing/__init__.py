"""What a run shows: printed text, values, tables, figures, warnings, progress."""
