"""One file = one page: what it shows and which service call each click makes."""
