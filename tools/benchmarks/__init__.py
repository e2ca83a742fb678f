"""How fast it is, beside its peers and beside the least that the work could cost."""
