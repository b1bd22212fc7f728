#!/bin/sh
# Runs the project's pinned Bun with the given arguments, after getting it and the dependencies where they are missing.
# Every script of package.json goes through here, so a machine needs npm or any Bun, and nothing else.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"

fail() {
  echo "bootstrap: $1" >&2
  exit 1
}

# runtimes.json holds one entry a line, so that no JSON reader is needed here.
pinned() {
  sed -n "s/^ *\"$1\": *\"\([^\"]*\)\".*/\1/p" scripts/runtimes.json
}

is_pinned() {
  [ "$("$1" --version 2>/dev/null)" = "$version" ]
}

# A package manager that fails may say why at length: shown only then.
quietly() {
  if ! output=$("$@" 2>&1); then
    echo "$output" >&2
    fail "\`$*\` failed"
  fi
}

get_bun() {
  [ "$(uname -s)" = Linux ] || fail "the pinned Bun is for Linux: put Bun $version on PATH yourself"
  case $(uname -m) in
    x86_64) package="bun-linux-x64" ;;
    aarch64) package="bun-linux-aarch64" ;;
    *) fail "there is no pinned Bun for \`$(uname -m)\`" ;;
  esac
  bun=$root/.bun/node_modules/@oven/$package/bin/bun
  [ "$(cat .bun/proven 2>/dev/null)" = "$package@$version" ] && return

  echo "bootstrap: getting Bun $version" >&2
  # The package holds the plain program: no install script has to run.
  mkdir -p .bun
  echo '{ "private": true }' >.bun/package.json
  if command -v npm >/dev/null; then
    quietly npm install --prefix .bun --no-save --no-audit --no-fund "@oven/$package@$version"
  elif command -v bun >/dev/null; then
    quietly bun add --cwd .bun --no-save "@oven/$package@$version"
  else
    fail "neither npm nor bun is on PATH: install one of them (\`apt-get install npm\`)"
  fi
  if ! echo "$(pinned "$package")  $bun" | sha256sum --check --status; then
    rm -rf .bun
    fail "the Bun that the registry sent differs from the digest in scripts/runtimes.json"
  fi
  echo "$package@$version" >.bun/proven
}

version=$(pinned version)
bun=$(command -v bun || true)
if [ -z "$bun" ] || ! is_pinned "$bun"; then get_bun; fi

# `bun install` alone costs a second, so it runs only when the lock file is not the one that was installed. `--cpu`
# brings the runtimes of both targets.
if ! cmp -s bun.lock node_modules/.installed-lock; then
  echo "bootstrap: installing the dependencies of bun.lock" >&2
  quietly "$bun" install --frozen-lockfile --cpu='*' --os=linux
  cp bun.lock node_modules/.installed-lock
fi

PATH=$(dirname -- "$bun"):$PATH
export PATH
exec "$bun" "$@"
