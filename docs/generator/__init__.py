"""Documents that are printed from the code, so that they can't be wrong: `make docs`."""
