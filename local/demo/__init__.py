"""Demo traffic: customers, agents and answers that use the public doors only."""
