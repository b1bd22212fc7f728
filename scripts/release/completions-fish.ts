import { type CommandLine, commandGroups, firstWords, type ShownFlag, secondWord, spellings } from "./command-line.ts";

/** The completion for fish 3.1 and later. */
export function fishCompletion(line: CommandLine): string {
  const { program, globalFlags, commands } = line;
  const groups = commandGroups(line);
  const valued = globalFlags.filter(({ value }) => value !== undefined).flatMap(spellings);
  const at = (command: string) => `'__teleport_update_at ${quoteInQuotes(command)}'`;
  return `# fish completion for ${program}

# The command so far: its words without flags and their values, \`help\` in front left out.
function __teleport_update_command
    set -l command
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            case ${valued.join(" ")}
                set is_value yes
            case '-*' help
            case '*'
                set -a command $word
                contains -- "$command" ${[...groups.keys()].join(" ")}; or break
        end
    end
    echo "$command"
end

function __teleport_update_at
    test (__teleport_update_command) = "$argv"
end

function __teleport_update_negates
    string match -q -- '--no-*' (commandline -ct)
end

complete -c ${program} -f
${globalFlags.flatMap((flag) => flagLines(program, flag, "")).join("\n")}

${firstWords(line)
  .map(({ word, description }) => wordLine(program, at(""), word, description))
  .join("\n")}
${[...groups]
  .flatMap(([group, members]) =>
    members.map(({ name, description }) => wordLine(program, at(group), secondWord(name), description)),
  )
  .join("\n")}
${commands
  .filter(({ flags }) => flags.length > 0)
  .map(({ name, flags }) => `\n# ${name}\n${flags.flatMap((flag) => flagLines(program, flag, name)).join("\n")}`)
  .join("\n")}
`;
}

function wordLine(program: string, condition: string, word: string, description: string): string {
  return `complete -c ${program} -n ${condition} -a ${word} -d ${quote(description.replace(/\.$/, ""))}`;
}

/** A flag of a command, or of all when `command` is empty. */
function flagLines(program: string, flag: ShownFlag, command: string): string[] {
  const condition = (words: string) => (words === "" ? "" : ` -n '${words}'`);
  const at = command === "" ? "" : `__teleport_update_at ${command}`;
  const letter = flag.letter === undefined ? "" : ` -s ${flag.letter}`;
  const line = `complete -c ${program}${condition(at)} -l ${flag.name}${letter}${valueForms(flag)} -d ${quote(flag.description)}`;
  if (!flag.isNegatable) return [line];
  const negates = [at, "__teleport_update_negates"].filter((part) => part !== "").join("; and ");
  return [
    line,
    `complete -c ${program}${condition(negates)} -l no-${flag.name} -d ${quote(`not: ${flag.description}`)}`,
  ];
}

function valueForms({ value }: ShownFlag): string {
  switch (value?.kind) {
    case undefined:
      return "";
    case "file":
      return " -r -F";
    case "directory":
      return " -x -a '(__fish_complete_directories)'";
    case "user":
      return " -x -a '(__fish_complete_users)'";
    case "words":
      return ` -x -a ${quote(value.words.join(" "))}`;
    case "text":
      return " -x";
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function quoteInQuotes(word: string): string {
  return word === "" ? '""' : word;
}
