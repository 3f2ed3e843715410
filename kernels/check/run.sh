#!/usr/bin/env bash
# Builds the check program with sanitizers and runs it: kernels/check/run.sh [arguments of the check program].
# CXX chooses the compiler; CXXFLAGS replaces the sanitizers, RUNNER runs the program (qemu-aarch64 -L ... for ARM builds).
set -euo pipefail
cd "$(dirname "$0")/.."
flags=${CXXFLAGS:--O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all}
case $(${CXX:-c++} -dumpmachine) in
x86_64*) kernels=(x86/*.cc) ;;
aarch64* | arm64*) kernels=(arm/*.cc) ;;
*) kernels=() ;;
esac
program=$(mktemp -d)
trap 'rm -rf "$program"' EXIT
${CXX:-c++} -std=c++20 -ffp-contract=off -Wall -Wextra $flags ./*.cc "${kernels[@]}" check/*.cc -o "$program/check"
${RUNNER:-} "$program/check" "$@"
