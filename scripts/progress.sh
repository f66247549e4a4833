# shellcheck shell=bash
# Sourced by long scripts. `steps NUMBER` says how many there are, `step TEXT` begins the next one: [2/9 1:07] TEXT
_step=0
_steps=0
_begun=$SECONDS
steps() {
  _steps=$1
}
step() {
  local seconds=$((SECONDS - _begun))
  _step=$((_step + 1))
  printf '[%d/%d %d:%02d] %s\n' "$_step" "$_steps" $((seconds / 60)) $((seconds % 60)) "$*"
}
