"""Pure: what a fact counts, how counts add up, which formulas are made of them."""
