# What the scripts share. Sourced, never run.

fail() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

say() { printf '\n== %s\n' "$*" >&2; }

need_command() {  # NAME DEBIAN_PACKAGE
  command -v "$1" >/dev/null || fail "$1 is missing; install it with: apt-get install $2"
}

check_sha256() {  # FILE WANTED
  local found
  found=$(sha256sum <"$1")
  found=${found%% *}
  [[ $found == "$2" ]] || fail "${1##*/}: wrong SHA-256, so it is not used
  wanted $2
  found  $found"
}

# Downloads a package of the npm registry that npm is configured for, and installs nothing. Prints the archive's path.
npm_download() {  # PACKAGE VERSION WORK_DIRECTORY
  local name
  mkdir -p "$3"
  name=$(cd "$3" && npm pack --silent --no-update-notifier --ignore-scripts --cache "$3/cache" "$1@$2") ||
    fail "npm cannot download $1 $2 (why: above)"
  printf '%s/%s\n' "$3" "${name##*$'\n'}"
}

# Downloads a package of the index that pip is configured for, as the wheel for Python 3.11 on x86-64 Linux whatever Python the
# machine has, so that its checksum is one; installs nothing and runs nothing of it.
pip_download() {  # PACKAGE VERSION DIRECTORY
  need_command python3 python3-pip
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing; install it with: apt-get install python3-pip"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --platform manylinux_2_28_x86_64 --dest "$3" "$1==$2" >&2 || fail "pip cannot download $1 $2 (why: above)"
}

# Installs those of the Debian packages that are not there yet, with sudo where not root.
install_packages() {  # PACKAGE...
  local package missing=() as_root=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || missing+=("$package")
  done
  ((${#missing[@]} == 0)) && return
  say "installing ${missing[*]}"
  if ((EUID != 0)); then
    need_command sudo sudo
    as_root=(sudo)
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

# The two versions of ONNX Runtime that the tests run on; a build with tests is not configured without them.
fetch_runtimes() {
  scripts/fetch-onnxruntime >&2
  scripts/fetch-onnxruntime-pip >&2
}

# A Python environment with what a file of pinned requirements says, made where there is none of these. PYTHON names another
# Python than python3.
python_environment() {  # DIRECTORY REQUIREMENTS
  if [[ -f $1/stamp ]] && cmp -s "$1/stamp" "$2"; then return; fi
  rm -rf "$1"
  "${PYTHON:-python3}" -m venv "$1" || fail "python3 cannot make an environment; install it with: apt-get install python3-venv"
  "$1/bin/python" -m pip install --quiet --disable-pip-version-check --requirement "$2"
  cp "$2" "$1/stamp"
}

# What it takes to build the program; the tests take more.
# shellcheck disable=SC2034  # it is the scripts that use it
readonly build_packages=(
  ca-certificates cmake g++ git ninja-build pkg-config
  libcli11-dev libeigen3-dev libhwy-dev libonnx-dev libprotobuf-dev libre2-dev libspdlog-dev libssl-dev libtbb-dev libtomlplusplus-dev libyaml-cpp-dev libzip-dev
  nlohmann-json3-dev protobuf-compiler
)

# shellcheck disable=SC2034
readonly test_packages=(
  bsdextrautils chromium clang-format fish libbenchmark-dev libgmock-dev libgtest-dev libonnx-testdata man-db mandoc
  patch python3 python3-dev python3-pip python3-venv shellcheck zsh
)

# shellcheck disable=SC2034
readonly fuzz_packages=(clang libclang-rt-14-dev)
