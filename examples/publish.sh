#!/usr/bin/env bash
# Publishes a kick-off and a goal with curl. SCORELINE_URL and SCORELINE_KEY say where, and as whom.
# curl tries again on 408, 429, 5xx and a lost connection; the Idempotency-Key makes that safe: it is applied once.
set -euo pipefail
url=${SCORELINE_URL:-http://127.0.0.1:8080} key=${SCORELINE_KEY:-demo} game=${1:-soccer/example/curl}

post() { # ID REPORT
  curl --fail-with-body --silent --show-error --retry 5 --retry-connrefused "$url/v1/updates" \
    -H "Authorization: Bearer $key" -H 'Content-Type: application/json' -H "Idempotency-Key: $1" -d "$2"
  echo
}

run=$(date +%s%N) # ids are this run's own
post "$run-kick-off" '{"game":"'"$game"'","patch":{"status":"live","period":{"number":1,"kind":"half","of":2},
  "clock":{"mode":"up","running":true,"ms":0},
  "competitors":{"home":{"name":"Arsenal","score":{"total":0}},"away":{"name":"Chelsea","score":{"total":0}}}}}'
post "$run-goal-1" '{"game":"'"$game"'","patch":{"competitors":{"home":{"score":{"total":1}}},
  "incidents":{"goal-1":{"type":"goal","status":"confirmed","side":"home","athlete":"Saka","minute":12,"order":1}}}}'
