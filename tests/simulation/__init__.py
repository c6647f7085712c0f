"""All services in one process, on one bus, one clock and one seed.

- `world` holds everything, made of `parts`; `clock` is its time, `weather` says what goes wrong.
- `group` and `connection` are the processes: they die, freeze, are fenced, and are dealt shards.
- `customers`, `agents` (with `sessions` and `replies`) and `provider` (with `calls`) are the people
  and the outside; they use the services' own `doors`.
- `story` is a run: steps of `chaos`, rests, an end. `judges` say whether the invariants hold.

`python -m tests.simulation --seed N --steps M` tells a run step by step.
"""
