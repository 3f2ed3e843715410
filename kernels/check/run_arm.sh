#!/usr/bin/env bash
# Builds the check program for ARM and runs it on three processors of qemu: kernels/check/run_arm.sh [arguments of the check
# program]. Needs g++-aarch64-linux-gnu and qemu-user. CXXFLAGS replaces the flags of a build as it is shipped; with
# CXXFLAGS="-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all" it runs with sanitizers.
set -euo pipefail

# run_on PROCESSOR ABSENT PROGRAM [ARGUMENTS]: fails, too, unless ABSENT kernels of the list are not for the processor.
run_on() {
  local processor=$1 absent=$2 output
  shift 2
  echo "$processor:"
  output=$(qemu-aarch64 -L /usr/aarch64-linux-gnu -cpu "$processor" "$@")
  echo "$output"
  [ "$(grep -c "not on this processor" <<<"$output")" = "$absent" ]
}

run_on_each() {
  set -e
  run_on max 0 "$@"         # all there is
  run_on neoverse-n1 1 "$@" # dot products, but no matrix products
  run_on cortex-a53 2 "$@"  # neither
}

export -f run_on run_on_each
export CXX=${CXX:-aarch64-linux-gnu-g++} CXXFLAGS=${CXXFLAGS:--O3 -static} RUNNER=run_on_each
export ASAN_OPTIONS=detect_leaks=0 # looking for leaks does not work under qemu
"$(dirname "$0")/run.sh" "$@"
