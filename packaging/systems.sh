#!/bin/sh
# systems.sh: compiles the engine, a test of all its backends, and an exported program for other
# systems, with zig (`pip install ziglang`), and the training kernels for macOS. Runs what this
# computer can run: musl's programs; Windows programs where wine is installed.
set -eu
cd "$(dirname "$0")/.."
build=build/systems
flags="-std=c99 -O2 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"
folders=$(find engine_c -type d | sed s/^/-I/)
rm -rf $build
mkdir -p $build
.venv/bin/drypoint export lenet-mnist --out $build/lenet >/dev/null
.venv/bin/python -m ziglang version | sed 's/^/zig /'

for system in x86_64-linux-musl aarch64-linux-musl x86_64-windows-gnu x86_64-macos aarch64-macos; do
  cc="$PWD/.venv/bin/python -m ziglang cc -target $system"
  $cc $flags -I$build/lenet/drypoint $build/lenet/*.c $build/lenet/drypoint/*.c -o $build/lenet.exe
  $cc $flags $folders tests/engine_c/blobs.c $(find engine_c/src -name '*.c') -o $build/blobs.exe
  run=none
  case $system in
    "$(uname -m)-linux-musl") run= ;;
    aarch64-linux-musl) ! command -v qemu-aarch64 >/dev/null || run=qemu-aarch64 ;;
    x86_64-windows-gnu) ! command -v wine >/dev/null || run="env WINEDEBUG=-all XDG_RUNTIME_DIR=/tmp wine" ;;
  esac
  if [ "$run" = none ]; then
    echo "$system: compiles"
  else
    said=$($run ./$build/lenet.exe)
    echo "$system: $said"
    said=$($run ./$build/blobs.exe $(find tests/golden -name '*.dpt'))
    echo "$system: $said"
  fi
done

# The float kernels of the trainer and of the data: projects of their own.
for system in x86_64-macos aarch64-macos; do
  for kernels in autodiff/kernels/c data/kernels_c; do
    CC="$PWD/.venv/bin/python -m ziglang cc -target $system" \
      cmake -S trainer/drypoint/$kernels -B $build/$system/$kernels -DCMAKE_SYSTEM_NAME=Darwin \
      -DCMAKE_SYSTEM_PROCESSOR=${system%%-*} -DCMAKE_RANLIB=: >$build/said 2>&1 &&
      cmake --build $build/$system/$kernels >>$build/said 2>&1 || { cat $build/said; exit 1; }
    echo "$system: $kernels compiles"
  done
done
