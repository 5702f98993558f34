#!/bin/sh
# container.sh FILE [ARCH]: installs a wheel or an sdist in a new Debian without the repository and
# without a network, and runs forms.sh there. ARCH is amd64 (the default) or arm64, as Debian names
# them. An ARCH of another processor runs in qemu, slowly.
#
# In an emulator on a busy computer CMake may not answer in the seconds that scikit-build-core grants
# it: then the build ends with "Could not find CMake".
#
# Needs root, Linux 6.7 or later and, of Debian, debootstrap; qemu-user-static for another ARCH. The
# system is a folder in /var/tmp, kept for the next run: 0.7 GB, of which no file is drypoint's.
set -eu
file=$(realpath -e "$1")
arch=${2:-amd64}
repository=$(realpath "$(dirname "$0")/..")
system=/var/tmp/drypoint-container-$arch
case $arch in
  amd64) machine=x86_64 ;;
  arm64) machine=aarch64 ;;
  *) echo "container.sh: no ARCH $arch; there are: amd64, arm64" >&2 && exit 2 ;;
esac

# A user namespace of its own, in which only qemu's entry for foreign programs is registered, with
# no network. "$@" runs in the system, with nothing of this environment.
inside() {
  unshare --user --map-users 0:0:65536 --map-groups 0:0:65536 --mount --net --pid --fork \
    sh -euc '
      system=$1 machine=$2
      shift 2
      if [ "$machine" != "$(uname -m)" ]; then
        mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
        any="\\xff" elf="\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00"
        mask="$any$any$any$any$any$any$any\\x00$any$any$any$any$any$any$any$any\\xfe$any"
        printf "%s" ":qemu:M::$elf\\xb7\\x00:$mask$any$any:$(command -v qemu-aarch64-static):F" \
          >/proc/sys/fs/binfmt_misc/register
      fi
      mount -t proc none "$system/proc"
      exec env -i PATH=/usr/bin:/usr/sbin:/bin:/sbin HOME=/root LC_ALL=C.UTF-8 chroot "$system" "$@"
    ' sh "$system" "$machine" "$@"
}

if ! [ -e "$system/complete" ]; then
  rm -rf "$system"
  echo "making $system"
  debootstrap --foreign --arch "$arch" --variant=minbase \
    --include=python3,python3-venv,python3-dev,gcc,libc6-dev,make,cmake trixie "$system" >/dev/null
  inside /debootstrap/debootstrap --second-stage >/dev/null
  touch "$system/complete"
fi

# Wheels of what the package needs, and of what builds it.
rm -rf "$system/work"
mkdir "$system/work"
python=$(inside python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
needed=$(python3 -c '
import sys, tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file)
needs = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
print("\n".join([*needs, "ninja"]))  # which scikit-build-core adds
' "$repository/pyproject.toml")
echo "$needed" >"$system/work/needed.txt"
python3 -m pip download --quiet --only-binary :all: --python-version "$python" \
  --platform "manylinux_2_28_$machine" --platform "manylinux_2_17_$machine" \
  --dest "$system/work/wheels" --requirement "$system/work/needed.txt"
cp "$file" "$repository/packaging/forms.sh" "$system/work"

inside sh -euc '
  cd /work
  . /etc/os-release
  echo "in: $PRETTY_NAME, $(uname -m), $(python3 --version), $(gcc --version | head -n 1)"
  echo "file: $(sha256sum "$1")"
  python3 -m venv environment
  environment/bin/pip install --quiet --no-index --find-links wheels "./$1"
  mkdir use
  cd use
  sh ../forms.sh ../environment/bin/drypoint
' sh "$(basename "$file")"
