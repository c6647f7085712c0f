"""One module an invariant; each check is a pure function from facts to findings."""
