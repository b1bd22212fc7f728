import { type CommandLine, commandGroups, firstWords, type ShownFlag, secondWord, spellings } from "./command-line.ts";

/**
 * The completion for bash 4.2 and later; it needs nothing of the package bash-completion. What depends on the command line is one
 * `case`, which says for a command which flags it takes and what their values are.
 */
export function bashCompletion(line: CommandLine): string {
  const groups = [...commandGroups(line).keys()];
  const valued = line.globalFlags.filter(({ value }) => value !== undefined).flatMap(spellings);
  return `# bash completion for ${line.program}                     -*- shell-script -*-

_teleport_update() {
  COMPREPLY=()
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  # bash takes \`--flag=value\` for three words.
  if [[ $current == = ]]; then
    current=''
  elif [[ $previous == = ]]; then
    previous=\${COMP_WORDS[COMP_CWORD - 2]}
  fi

  local command='' asked='' word index
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    case $command/$word in
      ${valued.map((flag) => `*/${flag}`).join(" | ")})
        [[ \${COMP_WORDS[index + 1]} == = ]] && ((index++))
        ((index++))
        ;;
      */-* | */=) ;;
      /help) asked=yes ;;
${groups.map((group) => `      /${group}) command=${group} ;;\n      ${group}/*) command+=" $word" && break ;;\n`).join("")}      *) command=$word && break ;;
    esac
  done

  local words='' files='' directories='' users='' texts='' flags='' negations=''
${flagLines(line.globalFlags, "  ")}
  case $command in
    '') words='${firstWords(line)
      .map(({ word }) => word)
      .join(" ")}' ;;
${groupLines(line)}
${line.commands.map(({ name, flags }) => commandLines(name, flags)).join("\n")}
    *) return ;;
  esac
  if [[ $asked ]]; then
    words=\${words/%help/} flags='' negations=''
  fi

  case "$command $previous" in
${choiceLines(line)}
  esac
  if [[ " $files " == *" $previous "* ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "$current")
  elif [[ " $directories " == *" $previous "* ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -d -- "$current")
  elif [[ " $users " == *" $previous "* ]]; then
    mapfile -t COMPREPLY < <(compgen -u -- "$current")
  elif [[ " $texts " == *" $previous "* ]]; then
    return
  elif [[ $current == --no-* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$negations" -- "$current")
  elif [[ $current == -* || -z $words ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
  else
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
  fi
}

complete -F _teleport_update ${line.program}
`;
}

function groupLines(line: CommandLine): string {
  return [...commandGroups(line)]
    .map(([group, commands]) => `    ${group}) words='${commands.map(({ name }) => secondWord(name)).join(" ")}' ;;`)
    .join("\n");
}

function commandLines(name: string, flags: readonly ShownFlag[]): string {
  const own = flagLines(flags, "      ");
  const pattern = name.includes(" ") ? `'${name}'` : name;
  return own === "" ? `    ${pattern}) ;;` : `    ${pattern})\n${own}\n      ;;`;
}

/** Adds to the lists of what may follow; a flag whose values are words has its own place. */
function flagLines(flags: readonly ShownFlag[], indent: string): string {
  const of = (kind: string) => flags.filter(({ value }) => value?.kind === kind).flatMap(spellings);
  const lists = {
    flags: flags.flatMap(spellings),
    negations: flags.filter(({ isNegatable }) => isNegatable).map(({ name }) => `--no-${name}`),
    files: of("file"),
    directories: of("directory"),
    users: of("user"),
    texts: of("text"),
  };
  return Object.entries(lists)
    .filter(([, words]) => words.length > 0)
    .map(([list, words]) => `${indent}${list}+=' ${words.join(" ")}'`)
    .join("\n");
}

function choiceLines({ globalFlags, commands }: CommandLine): string {
  const lines = (flags: readonly ShownFlag[], command: string) =>
    flags
      .filter(({ value }) => value?.kind === "words")
      .map((flag) => {
        const patterns = spellings(flag).map((spelling) => `${command}' ${spelling}'`.replace("''", ""));
        const words = flag.value?.words.join(" ");
        return `    ${patterns.join(" | ")})
      mapfile -t COMPREPLY < <(compgen -W '${words}' -- "$current")
      return
      ;;`;
      });
  return [lines(globalFlags, "*"), ...commands.map(({ name, flags }) => lines(flags, `'${name}'`))].flat().join("\n");
}
