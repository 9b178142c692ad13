#!/bin/sh
# Verifies the files and the four signatures of a run with GNU coreutils, findutils and ssh-keygen alone.
# usage: sh verify.sh RUN ALLOWED_SIGNERS; take this script and ALLOWED_SIGNERS from outside the run.
# Policy, waivers, end dates of evidence and the judgement itself are for `readiness verify`.
set -euf; LC_ALL=C; export LC_ALL
refuse() { echo "REFUSED: $*" >&2; exit 4; }
run=$(cd -- "$1" && pwd -P) signers=$2 month=2592000
others=$(find "$run/" ! -type d ! -type f -o -size +8388608) && [ -z "$others" ] || refuse "links, devices or giants in $run"
stored=$(cd -- "$run" && find . -path ./signoff -prune -o -type f ! -path ./SHA256SUMS -print | cut -c3- | sort)
[ "$stored" = "$(cut -c67- "$run/SHA256SUMS" | sort)" ] || refuse "files are missing or additional"
(cd -- "$run" && sha256sum --strict --quiet -c SHA256SUMS) || refuse "files have changed"
digest=$(sha256sum < "$run/SHA256SUMS" | cut -c-64) people='' keys='' verdicts=''
for role in engineering_lead security_lead operations_lead product_owner; do
  file=$run/signoff/$role.json name=$(echo "$role" | tr _ -)@signoff.readiness-kit
  [ -f "$file" ] || refuse "$role has not signed"
  grep -qF "\"predicateType\":\"https://in-toto.io/attestation/svr/v0.2\",\"subject\":[{\"digest\":{\"sha256\":\"$digest\"}" "$file" \
    || refuse "$role signed another run, or withdrew"
  person=$(sed -n 's/.*"verifier":{"id":"mailto:\([A-Za-z0-9._+@-]*\)".*/\1/p' "$file")
  said=$(ssh-keygen -Y verify -f "$signers" -I "$person" -n "$name" -s "$file.sig" < "$file") || refuse "$role: $person"
  made=$(date -ud "$(sed -n 's/.*"timeCreated":"\([0-9T:.Z-]*\)".*/\1/p' "$file")" +%s) age=$(($(date +%s) - made))
  [ "$age" -ge -300 ] && [ "$age" -lt $month ] || refuse "$role: signed in the future, or over 30 days ago"
  verdict=$(sed -n 's/.*READINESS_KIT_VERDICT_\([A-Z_]*\)".*/\1/p' "$file")
  echo "$role: $person, $verdict, ${said##* }"
  people="$people$person
" keys="$keys${said##* }
" verdicts="$verdicts$verdict
"
done
for four in "$people" "$keys"; do
  [ "$(printf %s "$four" | tr A-Z a-z | sort -u | wc -l)" -eq 4 ] || refuse "not four people with four keys"
done
case $(printf %s "$verdicts" | sort -u) in
  GO) echo "intact and GO" ;;
  UNDECIDED) echo "intact and UNDECIDED"; exit 3 ;;
  *) refuse "the verdict is not one that can be signed" ;;
esac
