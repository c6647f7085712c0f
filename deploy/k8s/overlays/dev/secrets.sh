#!/usr/bin/env bash
# Makes every secret of the dev overlay, once, in this folder's `made/` and puts it into the cluster.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../../.." && pwd)
export SWITCHBOARD_HOME="$here/made" SWITCHBOARD_DATABASE_HOST=postgres-rw:5432

"$root/.venv/bin/python" -m local.containers secrets
apply() { kubectl --namespace switchboard-dev create "$@" --dry-run=client --output yaml | kubectl apply --filename -; }
for name in intake routing sla feedback insights console provision; do
  apply secret generic "$name" --from-file="$SWITCHBOARD_HOME/$name"
done
apply secret generic postgres --from-file=password="$SWITCHBOARD_HOME/postgres_password"
apply configmap issuer --from-file="$SWITCHBOARD_HOME/issuer/jwks.json"
