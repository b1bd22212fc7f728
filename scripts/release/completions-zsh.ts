import {
  type CommandLine,
  commandGroups,
  firstWords,
  type ShownCommand,
  type ShownFlag,
  secondWord,
  spellings,
} from "./command-line.ts";

/** The completion for zsh, to be found as `_teleport-update` in its `fpath`. */
export function zshCompletion(line: CommandLine): string {
  const { program, globalFlags, commands } = line;
  const groups = commandGroups(line);
  const single = commands.filter(({ name }) => !name.includes(" "));
  return `#compdef ${program}

_${program}() {
  local context state state_descr line curcontext="$curcontext"
  local -A opt_args
  local -a global negated
  global=(
${globalFlags.map((flag) => `    ${flagSpec(flag)}`).join("\n")}
  )
  negated=(
${negations(globalFlags, "    ")}
  )
  [[ $PREFIX == --no-* ]] && global+=($negated)

  _arguments -s -C $global '1: :->first' '*:: :->rest' && return
  case $state in
    first)
      ${described(firstWords(line), "      ")}
      ;;
    rest)
      curcontext="\${curcontext%:*:*}:${program}-$line[1]:"
      case $line[1] in
        help) _${program}_help ;;
${single.map((command) => commandCase(command, command.name)).join("\n")}
${[...groups.keys()].map((group) => `        ${group}) _${program}_${group} ;;`).join("\n")}
      esac
      ;;
  esac
}

# The words after \`help\`.
_${program}_help() {
  case $CURRENT/$words[2] in
    2/*)
      ${described(
        firstWords(line).filter(({ word }) => word !== "help"),
        "      ",
      )}
      ;;
${[...groups].map(([group, members]) => `    3/${group})\n      ${described(secondWords(members), "      ")}\n      ;;`).join("\n")}
  esac
}
${[...groups].map(([group, members]) => groupFunction(program, group, members)).join("\n")}
_${program} "$@"
`;
}

function groupFunction(program: string, group: string, members: readonly ShownCommand[]): string {
  return `
# The words after \`${group}\`.
_${program}_${group}() {
  _arguments -s -C $global '1: :->first' '*:: :->rest' && return
  case $state in
    first)
      ${described(secondWords(members), "      ")}
      ;;
    rest)
      case $line[1] in
${members.map((member) => commandCase(member, secondWord(member.name))).join("\n")}
      esac
      ;;
  esac
}
`;
}

function commandCase({ flags }: ShownCommand, word: string): string {
  const own = flags.map((flag) => ` \\\n            ${flagSpec(flag)}`).join("");
  const negated = flags.some(({ isNegatable }) => isNegatable)
    ? `          [[ $PREFIX == --no-* ]] && global+=(\n${negations(flags, "            ")}\n          )\n`
    : "";
  return `        ${word})\n${negated}          _arguments -s $global${own}\n          ;;`;
}

function described(words: readonly { word: string; description: string }[], indent: string): string {
  const rows = words.map(({ word, description }) => `${indent}  ${quote(`${word}:${description.replace(/\.$/, "")}`)}`);
  return `local -a words_here=(\n${rows.join("\n")}\n${indent})\n${indent}_describe -t commands command words_here`;
}

function secondWords(members: readonly ShownCommand[]): { word: string; description: string }[] {
  return members.map(({ name, description }) => ({ word: secondWord(name), description }));
}

/** One specification of `_arguments`: each spelling once, unless the flag may be repeated. */
function flagSpec(flag: ShownFlag): string {
  const forms = spellings(flag);
  const action = flag.value === undefined ? "" : `:${escaped(flag.value.hint)}:${actionOf(flag)}`;
  const says = `[${escaped(flag.description)}]${action}`;
  const [first = ""] = forms;
  const form =
    flag.value === undefined ? (name: string) => name : (name: string) => `${name}${name.startsWith("--") ? "=" : "+"}`;
  if (flag.isRepeatable) return forms.map((name) => quote(`*${form(name)}${says}`)).join(" ");
  if (forms.length === 1) return quote(`${form(first)}${says}`);
  return `'(${forms.join(" ")})'{${forms.map(form).join(",")}}${quote(says)}`;
}

function negations(flags: readonly ShownFlag[], indent: string): string {
  return flags
    .filter(({ isNegatable }) => isNegatable)
    .map(({ name, description }) => `${indent}${quote(`--no-${name}[not: ${escaped(description)}]`)}`)
    .join("\n");
}

function actionOf({ value }: ShownFlag): string {
  switch (value?.kind) {
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "user":
      return "_users";
    case "words":
      return `(${value.words.join(" ")})`;
    default:
      return " ";
  }
}

/** What `_arguments` would take for the end of a description, and run what follows. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
