#!/usr/bin/env bash
# Builds the check program with sanitizers and runs it: kernels/check/run.sh [arguments of the check program].
# CXX chooses the compiler; CXXFLAGS replaces the sanitizers, RUNNER runs the program (qemu-aarch64 -L ... for ARM builds).
set -euo pipefail
cd "$(dirname "$0")/.."
flags=${CXXFLAGS:--O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all}
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT
shopt -s nullglob
${CXX:-c++} -std=c++20 -ffp-contract=off -Wall -Wextra $flags ./*.cc x86/*.cc arm/*.cc check/*.cc -o "$program/check"
${RUNNER:-} "$program/check" "$@"
