import type { Mutant } from "./mutant.ts";

const RUN = { file: "scripts/install/install.sh", tests: ["test/scripts/install/run.test.ts"] };
const FOLDERS = { file: "scripts/install/install.sh", tests: ["test/scripts/install/folders.test.ts"] };
const WHOLE = { file: "scripts/install/install.sh", tests: ["test/scripts/install/script.test.ts"] };

const digest = [
  { ...RUN, take: '[ "$found" != "$wanted" ] || return 0\n', leave: "return 0\n" },
  { ...RUN, take: "--proto '=https' ", leave: "" },
];

const secrets = [
  { ...RUN, take: 'if [ "$2" = named ] &&', leave: "if" },
  { ...RUN, take: ' && ! is_official "$1"; then', leave: "; then" },
  {
    ...RUN,
    take: '} | curl -q --config - "$@"',
    leave: `} >/dev/null && curl -q \${secret:+--oauth2-bearer "$(cat "$token_file")"} "$@" "$url"`,
  },
  { ...RUN, take: "  unset secret\n", leave: "" },
  { ...RUN, take: "set -- --fail", leave: "set -- --location --fail" },
  { ...RUN, take: `[ "$(origin_of "$url")" = "$origin" ] || secret='' cert='' key=''\n`, leave: "" },
  { ...RUN, take: `= "$origin" ] || secret='' cert=''`, leave: "= \"$origin\" ] || cert=''" },
  { ...RUN, take: `= "$origin" ] || secret='' cert='' key=''`, leave: `= "$origin" ] || secret=''` },
  { ...RUN, take: "s|/.*||;", leave: "s|[/?#].*||;" },
  { ...RUN, take: 'if (word == "default") is_hosts = 0', leave: 'if (word == "default") is_hosts = 1' },
  { ...RUN, take: String.raw`'' | *[!!-~]* | *\"* | *\\*) refuse`, leave: "'') refuse" },
  { ...RUN, take: '[ "$fetcher" = curl ] || [ -z', leave: '[ "$fetcher" = wget ] || [ -z' },
];

const folder = [
  { ...FOLDERS, take: "  unset TAR_OPTIONS GZIP\n", leave: "" },
  { ...FOLDERS, take: "?????[!w]??[!w]?* | ?????????[tT]*) ;;", leave: "?*) ;;" },
  { ...FOLDERS, take: '0 | "$(id -u)") ;;', leave: "?*) ;;" },
  { ...FOLDERS, take: '! "$work/probe" 2>/dev/null || return 0', leave: "return 0" },
  { ...FOLDERS, take: '[ "$free" -ge "$SPACE_NEEDED_KB" ]', leave: '[ "$free" -ge 0 ]' },
];

/** What is left of the group is an error at the very end, when all is done. */
const whole = [{ ...WHOLE, take: "\n{\n\n# Filled in", leave: "\n\n# Filled in" }];

/** The rules of the install script, taken out. */
export const INSTALL_MUTANTS: readonly Mutant[] = Object.entries({
  "install-digest": digest,
  "install-secrets": secrets,
  "install-folder": folder,
  "install-whole": whole,
}).flatMap(([rule, mutants]) => mutants.map((mutant) => ({ rule, ...mutant })));
