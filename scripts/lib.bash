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

# The kind of machine that something is fetched for: this one's, or what MACHINE says.
wanted_machine() { printf '%s\n' "${MACHINE:-$(uname -m)}"; }

readonly debian_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The archives that this machine installs its own release from, component main, as "ADDRESS RELEASE", where RELEASE is the
# codename or that of a suite beside it, such as bookworm-security. apt itself reads the sources, so both of their forms do;
# ReleaseInfo=false because the package lists may have been deleted, as in a container image.
debian_archives() {  # [WHAT_ELSE_CAN_BE_DONE]
  local ID='' VERSION_CODENAME=''
  # shellcheck source=/dev/null
  . /etc/os-release
  [[ $ID == debian && -n $VERSION_CODENAME ]] || fail "this is not a Debian release${1:+; $1}"
  # shellcheck disable=SC2016  # $(...) is apt's own notation
  apt-get indextargets -o APT::Get::IndexTargets::ReleaseInfo=false \
    --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v release="$VERSION_CODENAME" \
      '($1 == release || index($1, release "-") == 1) && $2 == "main" && $3 !~ /^cdrom:/ && !seen[$3, $1]++ { print $3, $1 }'
}

# A private apt: it reads the machine's configuration (proxies, credentials), but only these sources, each "ADDRESS SUITE",
# keeps its state in its own directory, and runs none of the machine's hooks.
write_apt_configuration() {  # DIRECTORY ARCHITECTURE deb|deb-src SOURCE...
  local directory=$1 kind=$3 lists=Packages source
  [[ -r $debian_keyring ]] || fail "$debian_keyring is missing; install it with: apt-get install debian-archive-keyring"
  [[ $kind == deb ]] || lists=Sources
  mkdir -p "$directory"/state/lists/partial "$directory"/cache/archives/partial
  : >"$directory/status"
  for source in "${@:4}"; do
    printf '%s [arch=%s target=%s lang=none pdiffs=no signed-by=%s] %s main\n' \
      "$kind" "$2" "$lists" "$debian_keyring" "$source"
  done >"$directory/sources.list"
  cat >"$directory/apt.conf" <<END
Dir::State "$directory/state";
Dir::State::status "$directory/status";
Dir::Cache "$directory/cache";
Dir::Etc::sourcelist "$directory/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
APT::Architecture "$2";
#clear APT::Architectures;
APT::Sandbox::User "root";
APT::Get::List-Cleanup "false";
Acquire::PDiffs "false";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
}

# Reads the lists of a private apt. Without Error-Mode, a source that could not be read is a mere warning.
update_apt() {  # DIRECTORY
  apt-get -c "$1/apt.conf" -qq -o APT::Update::Error-Mode=any update 2>>"$1/log"
}

# Makes a private apt for the packages of any Debian release, from the mirror that this machine's own release comes from: one,
# unless a foreign source names its suite like Debian's.
read_packages() {  # DIRECTORY ARCHITECTURE SUITE [WHAT_ELSE_CAN_BE_DONE]
  local archives mirror release found=''
  archives=$(debian_archives "${4-}")
  while read -r mirror release; do
    [[ -n $mirror && $release != *-* ]] || continue
    found=$mirror
    write_apt_configuration "$1" "$2" deb "$mirror $3"
    if update_apt "$1"; then return; fi
  done <<<"$archives"
  [[ -n $found ]] || fail "no apt source has this machine's own release, by its codename, and component main;" \
    "add Debian's to /etc/apt/sources.list.d"
  cat "$1/log" >&2
  fail "cannot read the package list of Debian $3 (why: above); if its key is unknown, install a newer debian-archive-keyring"
}

# Downloads a package of the npm registry that npm is configured for, and installs nothing. Prints the archive's path.
npm_download() {  # PACKAGE VERSION WORK_DIRECTORY
  local name
  mkdir -p "$3"
  name=$(cd "$3" && npm pack --silent --no-update-notifier --ignore-scripts --cache "$3/cache" "$1@$2") ||
    fail "npm cannot download $1 $2 (why: above)"
  printf '%s/%s\n' "$3" "${name##*$'\n'}"
}

# Downloads a package of the index that pip is configured for, as the wheel for Python 3.11 on Linux, x86-64 unless another machine
# is named, whatever Python this one has, so that its checksum is one; installs nothing and runs nothing of it.
pip_download() {  # PACKAGE VERSION DIRECTORY [MACHINE]
  need_command python3 python3-pip
  python3 -m pip --version >/dev/null 2>&1 || fail "pip is missing; install it with: apt-get install python3-pip"
  python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.11 \
    --platform "manylinux_2_28_${4:-x86_64}" --dest "$3" "$1==$2" >&2 || fail "pip cannot download $1 $2 (why: above)"
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

# That a program or shared object asks for nothing that a system of 2018 has not, but for what Python has.
check_runs_elsewhere() {  # FILE
  local newest=2.28 found
  found=$(readelf --wide --dynamic "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p' |
    grep -vxE '(libc|libm)\.so\.6|libpthread\.so\.0|libdl\.so\.2|libgcc_s\.so\.1|ld-linux-x86-64\.so\.2') || true
  [[ -z $found ]] || fail "${1##*/} needs ${found//$'\n'/ }"
  # One that the old glibc does not have at all is without a version.
  found=$(nm --dynamic --undefined-only "$1" | awk '$1 == "U" && $2 !~ /@|^_?Py/ { print $2 }')
  [[ -z $found ]] || fail "${1##*/} asks for symbols that no library has: ${found//$'\n'/ } (src/portable/glibc_compat.c)"
  found=$(nm --dynamic --undefined-only "$1" | sed -n 's/.*@GLIBC_//p' | sort --unique --version-sort | tail -n 1)
  [[ $(printf '%s\n' "$found" "$newest" | sort --version-sort | tail -n 1) == "$newest" ]] ||
    fail "${1##*/} needs glibc $found: nm --dynamic tells what of it (src/portable/glibc_compat.c)"
}

# What it takes to build the program; the tests take more.
# shellcheck disable=SC2034  # it is the scripts that use it
readonly build_packages=(
  ca-certificates cmake g++ git ninja-build pkg-config
  libcli11-dev libeigen3-dev libhwy-dev libonnx-dev libprotobuf-dev libre2-dev libspdlog-dev libssl-dev libtbb-dev libtomlplusplus-dev libyaml-cpp-dev libzip-dev
  nlohmann-json3-dev protobuf-compiler
)

# What scripts/build-portable takes besides.
# shellcheck disable=SC2034
readonly portable_packages=(binutils dpkg-dev libbz2-dev xz-utils zlib1g-dev)

# shellcheck disable=SC2034
readonly test_packages=(
  bsdextrautils chromium clang-format fish libbenchmark-dev libgmock-dev libgtest-dev libonnx-testdata man-db mandoc
  patch python3 python3-dev python3-pip python3-venv shellcheck zsh
)

# shellcheck disable=SC2034
readonly fuzz_packages=(clang libclang-rt-14-dev)

# shellcheck disable=SC2034
readonly tidy_packages=(clang clang-tidy)
