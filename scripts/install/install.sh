#!/bin/sh
# Enrols this host into managed updates of Teleport:
#
#     curl -fsSL https://mirror.example.com/teleport/install.sh | sudo sh -s -- --proxy teleport.example.com
#
# All words are handed to `teleport-update enable`, whose program is fetched as one tarball, compared with the digest
# below, run, and deleted: the host keeps the copy that `enable` makes. docs/install.md tells more.
#
# All of it is one group, which a shell reads to its end before it begins: a script that was cut on its way does nothing.
{

# Filled in when a release is made. The tarballs: on each line a SHA-256, two blanks, a name.
VERSION='@VERSION@'
PLACE='@PLACE@'
TARBALLS='@TARBALLS@'

# What the program was measured to need.
GLIBC_FLOOR=2.17
KERNEL_FLOOR=3.10
CPU_FEATURES='sse4_2 popcnt'
FIPS_DIGEST='openssl dgst -sha256 -propquery fips=yes'
# The tarball and the program in it.
SPACE_NEEDED_KB=204800

main() {
  set -efu
  # The programs of the system come first, whatever the caller has in front of them.
  PATH=/usr/sbin:/usr/bin:/sbin:/bin${PATH:+:$PATH}
  # They hold options, and some of tar's run any command.
  unset TAR_OPTIONS GZIP
  # They hold options, and some of tar's run any command.
  work=
  read_words "$@"
  require_rights "$@"
  find_architecture
  require_libc
  require_machine
  require_systemd
  find_fips_mode
  find_tools
  find_tarball
  require_fips_module
  trap remove_work EXIT
  # The program ends its work in its own way when it gets the same signal; the shell waits for it.
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 131' QUIT
  trap 'exit 141' PIPE
  trap 'exit 143' TERM
  make_work
  fetch_tarball
  unpack_program
  # Nobody is asked anything, and the standard input is what this script comes from.
  "$program" enable "$@" </dev/null
}

say() {
  printf 'install.sh: %s\n' "$*" >&2
}

# refuse WHAT WHY REMEDY
refuse() {
  printf 'install.sh: %s\n  why: %s\n  what to do: %s\n' "$1" "$2" "$3" >&2
  exit 1
}

# Where this program cannot run, the one that upstream makes may.
refuse_host() {
  refuse "$1" "$2" "${3-}take upstream's own updater: its tarball is at https://goteleport.com/download/, under \"Agent Installer & Updater\""
}

# The words of `enable` that matter to the download as well; all others are its own.
read_words() {
  base_urls='' ca_file='' netrc='' token_file='' client_cert='' client_key='' insecure=no root='' flag=''
  for word in "$@"; do
    case $word in -*) require_read ;; esac
    case $word in
      --*=*) take_value "${word%%=*}" "${word#*=}" ;;
      -[!-]*) read_letters "${word#-}" ;;
      --insecure) insecure=yes ;;
      --no-insecure) insecure=no ;;
      -*) flag=$word ;;
      *) take_value "$flag" "$word" && flag='' ;;
    esac
  done
  require_read
  # As for every flag, its variable counts where it is absent; it holds one URL a line.
  [ -n "$base_urls" ] || base_urls=${TELEPORT_CDN_BASE_URL-}
  for place in $base_urls; do
    [ "$place" = default ] || is_base_url "$place" || refuse "the base URL \`$place\` cannot be used" \
      "it must begin with \`https://\`, and have no user name, password, query or fragment" \
      "give an address like \`--base-url https://mirror.example.com/teleport\`"
  done
}

# No flag that is read here may still wait for its value.
require_read() {
  case $flag in
    -b | --base-url | --root | --ca-file | --netrc | --bearer-token-file | --client-cert | --client-key) refuse_empty "$flag" ;;
  esac
  flag=
}

refuse_empty() {
  refuse "the flag \`$1\` needs a value" "nothing stands behind it" "write it behind the flag, or leave the flag out"
}

# A group of letters: those that only turn something on may stand before the one that has a value.
read_letters() {
  letters=$1
  while :; do
    case $letters in
      [dho]?*) letters=${letters#?} ;;
      *) break ;;
    esac
  done
  case $letters in
    b?*) letters=${letters#b} && take_value -b "${letters#=}" ;;
    *) flag=-$letters ;;
  esac
}

# A shell of its own: what lies between two letters is not for the caller's language to say, which `enable` is to have.
is_base_url() (
  LC_ALL=C
  case $1 in
    [hH][tT][tT][pP][sS]://*[!]a-zA-Z0-9._~:/%+=,[-]*) return 1 ;;
    [hH][tT][tT][pP][sS]://?*) ;;
    *) return 1 ;;
  esac
)

# take_value FLAG VALUE
take_value() {
  case $1 in
    -b | --base-url)
      [ -n "$2" ] || refuse_empty "$1"
      base_urls="$base_urls $2"
      ;;
    --root) root=$2 ;;
  esac
  # The word by which `enable` forgets a file.
  [ "$2" != default ] || return 0
  case $1 in
    --ca-file) ca_file=$2 ;;
    --netrc) netrc=$2 ;;
    --bearer-token-file) token_file=$2 ;;
    --client-cert) client_cert=$2 ;;
    --client-key) client_key=$2 ;;
  esac
}

# An image is made by who owns its tree, and on any machine.
require_rights() {
  [ -z "$root" ] || return 0
  [ "$(id -u)" -ne 0 ] || return 0
  refuse "this has to run as root" "it installs programs and services" \
    "run it again with \`sudo\` in front of \`sh\`: \`curl ... | sudo sh -s -- $*\`"
}

find_architecture() {
  system=$(uname -s) machine=$(uname -m)
  [ "$system" = Linux ] || refuse "this host cannot be served" "it runs $system, and updates need Linux with systemd" \
    "see https://goteleport.com/download/ for what there is for $system"
  case $machine in
    x86_64 | amd64) architecture=amd64 loader=/lib64/ld-linux-x86-64.so.2 ;;
    aarch64 | arm64) architecture=arm64 loader=/lib/ld-linux-aarch64.so.1 ;;
    i?86) refuse_host "this host cannot be served" "its processor is a 386 (\`$machine\`), and the program is made for amd64 and arm64" ;;
    arm*) refuse_host "this host cannot be served" "its processor is an arm of 32 bits (\`$machine\`), and the program is made for amd64 and arm64" ;;
    *) refuse_host "this host cannot be served" "its processor is \`$machine\`, and the program is made for amd64 and arm64" ;;
  esac
}

require_libc() {
  if [ ! -e "$loader" ]; then
    case $(ls /lib 2>/dev/null) in
      *ld-musl-*) refuse_host "this host cannot be served" "its C library is musl, and the program needs glibc $GLIBC_FLOOR" ;;
    esac
    refuse_host "this host cannot be served" \
      "there is no \`$loader\`: the kernel is of 64 bits (\`$machine\`), but the programs are not, or are of no glibc"
  fi
  libc=$(getconf GNU_LIBC_VERSION 2>/dev/null || ldd --version 2>/dev/null | head -n 1) || libc=
  libc=${libc##* }
  ! is_below "$libc" "$GLIBC_FLOOR" ||
    refuse_host "this host cannot be served" "its glibc is $libc, and the program needs $GLIBC_FLOOR"
}

require_machine() {
  kernel=$(uname -r)
  ! is_below "$kernel" "$KERNEL_FLOOR" ||
    refuse_host "this host cannot be served" "its kernel is $kernel, and the program needs $KERNEL_FLOOR"
  [ -r /proc/cpuinfo ] || refuse "\`/proc/cpuinfo\` cannot be read" "the program needs \`/proc\`" \
    "mount it: \`mount -t proc proc /proc\`"
  [ "$architecture" = amd64 ] || return 0
  has=" $(sed -n '/^flags/{s/.*://p;q;}' /proc/cpuinfo) "
  for feature in $CPU_FEATURES; do
    case $has in
      *" $feature "*) ;;
      *) refuse_host "this host cannot be served" "its processor has no \`$feature\`, which the program needs" \
        "on a virtual machine, give it the processor of its host (\`-cpu host\`); elsewhere, " ;;
    esac
  done
}

require_systemd() {
  [ -z "$root" ] || return 0
  [ ! -d /run/systemd/system ] || return 0
  refuse "systemd does not run here" "services and the timer of the updates are units of systemd" \
    "for an image, say \`--root DIR\`; elsewhere, install releases by hand"
}

# The kernel alone says so: the ordinary program would use cryptography of its own, and the other one refuses to start.
find_fips_mode() {
  fips=
  [ "$(cat /proc/sys/crypto/fips_enabled 2>/dev/null)" != 1 ] || fips=-fips
}

find_tools() {
  for tool in tar gzip mktemp df sed; do
    has_tool "$tool" || refuse_tool "$tool" "the package \`$tool\`"
  done
  if has_tool curl; then
    fetcher=curl
  elif is_gnu_wget && [ -z "$fips" ]; then
    fetcher=wget
  else
    refuse_tool curl "the package \`curl\`"
  fi
  [ -z "$netrc" ] || has_tool awk || refuse_tool awk "the package \`gawk\` or \`mawk\`"
  # A validated module is to make the digest where one is asked for.
  if has_tool openssl && [ -n "$fips" ]; then
    digester="$FIPS_DIGEST -r"
  elif has_tool openssl && ! has_tool sha256sum; then
    digester='openssl dgst -sha256 -r'
  elif has_tool sha256sum && [ -z "$fips" ]; then
    digester=sha256sum
  else
    refuse_tool openssl "the package \`openssl\`"
  fi
  [ "$fetcher" = curl ] || [ -z "$netrc$token_file$client_cert$client_key" ] ||
    refuse "\`wget\` cannot keep a secret" "it would be seen in the list of processes, or go along with a redirect" \
      "install the package \`curl\`, and run this again"
}

has_tool() {
  command -v "$1" >/dev/null 2>&1
}

# That of busybox looks at no certificate.
is_gnu_wget() {
  case $(wget --version 2>/dev/null) in
    'GNU Wget'*) ;;
    *) return 1 ;;
  esac
}

refuse_tool() {
  refuse "the program \`$1\` is missing" "the download needs it" "install $2, and run this again"
}

find_tarball() {
  case $VERSION in
    '@'*) refuse "this script was not made for use" "its version and its digests are not filled in" \
      "take the \`install.sh\` of a release, or of a mirror" ;;
  esac
  tarball="teleport-update-v$VERSION-linux-$architecture$fips-bin.tar.gz"
  wanted=$(printf '%s\n' "$TARBALLS" | while read -r digest name; do
    [ "$name" != "$tarball" ] || printf '%s\n' "$digest"
  done)
  [ -n "$wanted" ] || refuse_host "there is no \`$tarball\`" \
    "this script knows the digests of other tarballs only, and runs nothing without one"
}

# The program for FIPS starts only where both of the programs that it leaves its cryptography to have a validated module.
require_fips_module() {
  [ -n "$fips" ] || return 0
  $FIPS_DIGEST </dev/null >/dev/null 2>&1 || refuse_fips "\`$FIPS_DIGEST\` fails"
  case $(curl -q --version 2>/dev/null) in
    # A library in brackets is one that could be used.
    *' OpenSSL/'*) ;;
    *) refuse_fips "its \`curl\` does not use OpenSSL" ;;
  esac
}

refuse_fips() {
  refuse_host "this host cannot be served" \
    "its kernel is in FIPS mode, but $1, and the program needs OpenSSL 3.0 or later with a FIPS module, and a curl that uses it" \
    "move to a system that has both, as RHEL 9 and Debian 13 with \`openssl-provider-fips\`; elsewhere, "
}

# A folder of our own, where programs may be run and which nobody else can put another in the place of. What `TMPDIR`
# says does not count: the folders above it would have to be looked at, too.
make_work() {
  reasons=
  for folder in /tmp /var/tmp /run /opt; do
    reason=$(why_not "$folder")
    [ -n "$reason" ] || work=$(mktemp -d "$folder/teleport-update.XXXXXX") || reason="no folder can be made in it"
    if [ -z "$reason" ]; then
      printf '#!/bin/sh\n' >"$work/probe"
      chmod 0700 "$work/probe"
      ! "$work/probe" 2>/dev/null || return 0
      remove_work
      reason="programs in it cannot be run"
    fi
    reasons="$reasons; \`$folder\`: $reason"
  done
  refuse "there is no folder for the download" "${reasons#; }" \
    "free some space in one of them, or mount one that programs may be run in: \`mount -o remount,exec /tmp\`"
}

why_not() {
  if [ ! -d "$1" ] || [ ! -w "$1" ]; then
    echo "it is no folder to write in"
    return
  fi
  # shellcheck disable=SC2012,SC2046 # One line of known words, which POSIX describes; `stat` it does not.
  set -- "$1" $(ls -ldnL "$1/." | sed 's/ [^ ]*$//')
  case $2 in
    ?????[!w]??[!w]?* | ?????????[tT]*) ;;
    *) echo "others may change what is in it" && return ;;
  esac
  case $4 in
    0 | "$(id -u)") ;;
    *) echo "it is of another user" && return ;;
  esac
  free=$(df -Pk "$1" | { read -r _ && read -r _ _ _ free _ && printf '%s\n' "$free"; })
  [ "$free" -ge "$SPACE_NEEDED_KB" ] || echo "$free KB are free, and $SPACE_NEEDED_KB KB are needed"
}

remove_work() {
  [ -z "$work" ] || rm -rf "$work"
  work=
}

# What is asked first is what the host is to use from now on; secrets go there only.
fetch_tarball() {
  authority=
  [ -z "$ca_file" ] || collect_authorities
  for place in $base_urls; do
    [ "$place" = default ] || ! try_place "$place" named || return 0
  done
  [ -z "$PLACE" ] || ! try_place "$PLACE" unnamed || return 0
  [ -n "$base_urls$PLACE" ] || refuse "there is no place to take \`$tarball\` from" "this script names none" \
    "name a mirror that has it: \`--base-url https://mirror.example.com/teleport\`"
  refuse "\`$tarball\` cannot be had" "no place gave the one with the SHA-256 $wanted; the lines above tell more" \
    "mend the mirror, or name another with \`--base-url\`$authority; nothing was run and nothing was changed"
}

# try_place URL named|unnamed
try_place() {
  url=${1%/}/$tarball
  # A variable of this name in the caller's environment would bring it to every program.
  unset secret
  secret='' cert='' key=''
  if [ "$2" = named ] && ! is_official "$1"; then
    cert=$client_cert key=$client_key
    secret=$(read_secret "$1") || exit 1
  fi
  say "fetching $url"
  for pause in 1 3 0; do
    code=0
    "fetch_with_$fetcher" "$url" || code=$?
    may_pass "$code" || break
    sleep "$pause"
  done
  case $fetcher$code in
    curl60 | wget5) authority=", or give its authority with \`--ca-file FILE\`" ;;
  esac
  [ "$code" -eq 0 ] || return 1
  found=$(digest_of "$work/tarball")
  [ "$found" != "$wanted" ] || return 0
  say "$url is refused: it has the SHA-256 ${found:-of nothing}, and must have $wanted"
  return 1
}

# may_pass CODE: whether curl may come through the next time. It is not told to try again by itself: it would wait for as long as
# the server says, and up to 7.78 no other option bounds that.
may_pass() {
  case $1 in
    # A name, a connection or a transfer that failed.
    6 | 7 | 18 | 28 | 35 | 52 | 55 | 56 | 92) ;;
    22)
      read -r status _ <"$work/status"
      case $status in
        408 | 429 | 500 | 502 | 503 | 504) ;;
        *) return 1 ;;
      esac
      ;;
    *) return 1 ;;
  esac
}

digest_of() {
  # shellcheck disable=SC2086 # A program and its words.
  $digester <"$1" | { read -r found _ && printf '%s\n' "$found"; }
}

# The host's own and those that are given, as the updater has it.
collect_authorities() {
  [ -r "$ca_file" ] || refuse "\`$ca_file\` cannot be read" "\`--ca-file\` names it" "name a file in PEM form"
  for store in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem; do
    [ ! -r "$store" ] || cat "$store"
  done >"$work/authorities"
  cat "$ca_file" >>"$work/authorities"
}

# Each of these is a shell of its own: what it sets, `enable` does not see.
#
# A redirect is followed here and not by curl, which takes a certificate along to any host, and an older one a token and a
# password to another port. What was left behind once does not come back.
fetch_with_curl() (
  bound_download
  url=$1
  set -- --fail --silent --show-error --globoff --proto '=https' --tlsv1.2 \
    --connect-timeout 20 --speed-limit 1024 --speed-time 60
  [ "$insecure" = no ] || set -- "$@" --insecure
  [ -z "$ca_file" ] || set -- "$@" --cacert "$work/authorities"
  case $https_proxy in
    [hH][tT][tT][pP][sS]:*)
      [ "$insecure" = no ] || set -- "$@" --proxy-insecure
      [ -z "$ca_file" ] || set -- "$@" --proxy-cacert "$work/authorities"
      ;;
  esac
  place=$url origin=$(origin_of "$url")
  for _ in 0 1 2 3 4 5; do
    [ "$(origin_of "$url")" = "$origin" ] || secret='' cert='' key=''
    (
      [ -z "$cert" ] || set -- "$@" --cert "$cert"
      [ -z "$key" ] || set -- "$@" --key "$key"
      # By the standard input, as everybody sees the words of a process: secrets, and addresses, as a store may sign them.
      # And nothing of a `.curlrc`.
      {
        printf '%s\n' "$secret"
        printf '%s\n' "$url" | sed 's/["\\]/\\&/g; s/.*/url = "&"/'
      } | curl -q --config - "$@" --output "$work/tarball" --write-out '%{http_code} %{redirect_url}\n' >"$work/status"
    ) || exit
    read -r _ url <"$work/status"
    [ -n "$url" ] || exit 0
  done
  say "$place redirects again, after 5 redirects"
  exit 1
)

# Whether a URL leads to upstream's own place: nothing is shown there, whoever names it.
is_official() {
  host=$(origin_of "$1" | sed 's/:[0-9]*$//; s/\.$//')
  [ "$host" = cdn.teleport.dev ]
}

# Host and port of an https URL. Up to the first slash, as what else might end it is not the same to all programs.
origin_of() {
  printf '%s\n' "$1" | tr '[:upper:]' '[:lower:]' | sed 's|^https://||; s|/.*||; s|:443$||'
}

# read_secret URL: what is shown to a named place, as a line for `curl --config`
read_secret() {
  token='' login=''
  [ -z "$token_file" ] || token=$(read_token) || exit 1
  # Only a URL has brackets around an IPv6 address.
  host=$(origin_of "$1" | sed 's/:[0-9]*$//; s/^\[\(.*\)\]$/\1/')
  [ -z "$netrc" ] || login=$(find_in_netrc "$host" <"$netrc") ||
    refuse "\`$netrc\` cannot be used" "it cannot be read, or has something else than curl reads" \
      "write it like \`machine $host login NAME password WORD\`"
  [ -z "$token" ] || [ -z "$login" ] || refuse "two secrets are named" \
    "\`$netrc\` and \`$token_file\` both hold something for \`$host\`" "give one of them: \`--netrc\` or \`--bearer-token-file\`"
  printf '%s\n' "$token$login"
}

read_token() {
  LC_ALL=C
  token=$(cat "$token_file") || token=
  # What an editor leaves around it, a carriage return too, the updater does not mind either.
  token=${token#"${token%%[![:space:]]*}"}
  token=${token%"${token##*[![:space:]]}"}
  case $token in
    '' | *[!!-~]* | *\"* | *\\*) refuse "\`$token_file\` holds no token" "it must hold the token alone, in one line" \
      "write it anew" ;;
  esac
  printf 'oauth2-bearer = "%s"\n' "$token"
}

# find_in_netrc HOST: as the updater finds it. curl would give a `default` entry to any host, and an older one knows no quotes.
find_in_netrc() {
  awk -v host="$1" '
    function take(word) {
      if (field == "machine") {
        is_hosts = tolower(word) == host || tolower(word) == "[" host "]"
        split("", entry)
      } else if (field != "") {
        if (is_hosts && !(field in entry)) entry[field] = word
      } else {
        if ((word == "machine" || word == "default") && is_whole()) exit
        if (word == "default") is_hosts = 0
        else if (word !~ /^(machine|login|password|account)$/) fail()
        else { field = word; return }
      }
      field = ""
    }
    function is_whole() { return is_hosts && ("login" in entry) && ("password" in entry) }
    function fail() { is_bad = 1; exit }
    { sub(/\r$/, "") }
    /^[ \t]*$/ { is_macro = 0 }
    /^[ \t]*macdef([^A-Za-z0-9_]|$)/ { is_macro = 1 }
    is_macro { next }
    {
      for (rest = $0; rest != "" && rest !~ /^[ \t]*#/; rest = substr(rest, length_taken + 1)) {
        if (match(rest, /^[ \t]+/)) {
          length_taken = RLENGTH
        } else if (match(rest, /^"([^"\\]|\\.)*"/)) {
          # What stands between the quotes is written alike for `--config`.
          length_taken = RLENGTH
          take(substr(rest, 2, length_taken - 2))
        } else if (match(rest, /^[^ \t"][^ \t]*/)) {
          length_taken = RLENGTH
          word = substr(rest, 1, length_taken)
          gsub(/["\\]/, "\\\\&", word)
          take(word)
        } else fail()
      }
    }
    END {
      if (is_bad || field != "") exit 1
      if (is_whole()) printf "user = \"%s:%s\"\n", entry["login"], entry["password"]
    }'
}

fetch_with_wget() (
  bound_download
  url=$1
  set -- --no-verbose --tries=3 --timeout=60 --max-redirect=5 --secure-protocol=TLSv1_2
  [ "$insecure" = no ] || set -- "$@" --no-check-certificate
  [ -z "$ca_file" ] || set -- "$@" --ca-certificate="$work/authorities"
  # To wget a star is the name of a host.
  [ "$no_proxy" != '*' ] || set -- "$@" --no-proxy
  # Else it may leave a file in the home of root.
  ! wget --no-hsts --version >/dev/null 2>&1 || set -- "$@" --no-hsts
  # Nothing of a `wgetrc`, which may turn checks off. Not every wget that knows this one knows `--no-config`.
  unset WGETRC
  : >"$work/wgetrc"
  ! wget --config="$work/wgetrc" --version >/dev/null 2>&1 || set -- "$@" --config="$work/wgetrc"
  wget "$@" --output-document="$work/tarball" "$url"
)

# No more than fits, and by the proxies that the updater would use: the upper case first, loopback directly.
bound_download() {
  ulimit -f $((SPACE_NEEDED_KB * 2))
  https_proxy=${HTTPS_PROXY:-${https_proxy-}}
  no_proxy=${NO_PROXY:-${no_proxy-}}
  # A star means all hosts, but to curl only where it stands alone.
  case ,$no_proxy, in
    *,\*,*) no_proxy='*' ;;
    *) no_proxy=${no_proxy:+$no_proxy,}127.0.0.1,localhost,::1 ;;
  esac
  unset HTTPS_PROXY NO_PROXY ALL_PROXY all_proxy
  export https_proxy no_proxy
}

unpack_program() {
  gzip -dc <"$work/tarball" | tar -xof - -C "$work" teleport-update/teleport-update ||
    refuse "\`$tarball\` cannot be unpacked" "its digest is right, so this host's \`tar\` or \`gzip\` cannot read it" \
      "install the packages \`tar\` and \`gzip\` of the distribution"
  rm -f "$work/tarball"
  program=$work/teleport-update/teleport-update
  "$program" version </dev/null >/dev/null || refuse_host "the program does not run on this host" \
    "\`teleport-update version\` failed, as the lines above may tell"
}

# True when the version $1 is below $2, both like 2.17; what is no version is not: the program itself will tell.
is_below() {
  case $1 in
    [0-9]*.[0-9]*) ;;
    *) return 1 ;;
  esac
  major=${1%%.*} minor=${1#*.}
  minor=${minor%%[!0-9]*}
  [ "$major" -lt "${2%%.*}" ] || { [ "$major" -eq "${2%%.*}" ] && [ "$minor" -lt "${2#*.}" ]; }
} 2>/dev/null

main "$@"
}
