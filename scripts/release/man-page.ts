import type { CommandLine, ShownCommand, ShownFlag } from "./command-line.ts";

/** What the manual says besides the command line. */
export interface ManualFacts {
  /** Of the commit: the same sources make the same page. */
  date: Date;
  /** Those that an operator may set, with what they mean. */
  variables: readonly (readonly [name: string, meaning: string])[];
}

/** The page for section 8 of the manual, in the mdoc language of mandoc and groff. */
export function manPage(line: CommandLine, { date, variables }: ManualFacts): string {
  const { program, globalFlags, commands } = line;
  return `.\\" Generated from the table of commands.
.Dd ${formatDate(date)}
.Dt ${program.toUpperCase()} 8
.Os
.Sh NAME
.Nm ${program}
.Nd keep the Teleport agents and bots of a host at their cluster's version
.Sh SYNOPSIS
.Nm
.Op Ar flags
.Ar command
.Op Ar flags
.Nm
.Cm help
.Op Ar command
.Sh DESCRIPTION
.Nm
installs the release of Teleport that a cluster advertises, links it into place,
writes and restarts its services and watches them.
A systemd timer then keeps the host at the cluster's version.
If a new release does not live, the host is put back to the one before.
.Pp
The flags of all commands stand before or after the command, and its own after
it.
A flag that is on or off is turned off by
.Fl Fl no- Ns Ar flag .
A value stands behind its flag as the next word, or behind an equals sign.
${flagList(globalFlags)}
.Sh COMMANDS
${commands.map(commandSection).join("\n")}
.Sh ENVIRONMENT
A flag on the command line wins over its variable.
.Bl -tag -width Ds
${variables.map(([name, meaning]) => `.It Ev ${name}\n${text(`${capital(meaning)}.`)}`).join("\n")}
.El
.Sh FILES
.Bl -tag -width Ds
.It Pa /opt/teleport/default/
The installation: its versions, its settings in
.Pa update.yaml ,
and the updater's own copy.
One with a suffix lies beside it under that name.
.It Pa /usr/local/bin/
The links to the programs of the active version.
.It Pa /etc/systemd/system/teleport-update.timer
What runs
.Nm Cm update .
.It Pa /etc/teleport.yaml
The configuration of the agent, from which the proxy is read when none is given.
.El
.Sh EXIT STATUS
.Bl -tag -width Ds
.It 0
Done, or nothing to do.
.It 1
Failed, or refused; the last line of the log says why, with a code and what to
do.
.It 3
Only from
.Cm status Fl Fl err-if-should-update-now :
the cluster wants another version here now.
.El
.Sh EXAMPLES
Enroll a host, and see what came of it:
.Bd -literal -offset indent
${program} enable \\-\\-proxy proxy.example.com
${program} status
.Ed
.Pp
Update now, without waiting for the window:
.Pp
.Dl ${program} update \\-\\-now
.Sh SEE ALSO
.Xr systemctl 1 ,
.Xr systemd.timer 5
`;
}

function commandSection({ name, description, needsRoot, flags, notes }: ShownCommand): string {
  const required = flags.filter(({ isRequired }) => isRequired).map((flag) => `\n${macro(flag)}`);
  const lines = [
    `.Ss ${name}`,
    ".Nm",
    `.Cm ${name}${required.join("")}`,
    ...(flags.length > required.length ? [".Op Ar flags"] : []),
    ".Pp",
    text(description),
    ...(needsRoot ? ["Must be run as root."] : []),
  ];
  const [special, usual] = [true, false].map((wanted) => flags.filter(({ isSpecial }) => isSpecial === wanted));
  return [
    ...lines,
    ...flagSection(usual),
    ...flagSection(special, [".Pp", "For special cases:"]),
    ...notes.flatMap((note) => [".Pp", text(note)]),
  ].join("\n");
}

function flagSection(flags: readonly ShownFlag[] = [], head: readonly string[] = []): string[] {
  return flags.length === 0 ? [] : [...head, flagList(flags)];
}

function flagList(flags: readonly ShownFlag[]): string {
  return `.Bl -tag -width Ds\n${flags.map(flagItem).join("\n")}\n.El`;
}

function flagItem(flag: ShownFlag): string {
  const value = flag.value === undefined ? "" : ` Ar ${flag.value.hint}`;
  const short = flag.letter === undefined ? "" : `Fl ${flag.letter}${value} , `;
  const notes = [
    `${capital(flag.description)}.`,
    ...(flag.isRequired ? ["Required."] : []),
    ...(flag.isRepeatable ? ["May be repeated."] : []),
    ...(flag.default === undefined ? [] : [`Default: \`${flag.default}\`.`]),
    ...(flag.variable === undefined ? [] : [`Variable: \`${flag.variable}\`.`]),
  ];
  return `.It ${short}Fl Fl ${flag.name}${value}\n${notes.map(text).join("\n")}`;
}

function macro({ name, value }: ShownFlag): string {
  return `.Fl Fl ${name}${value === undefined ? "" : ` Ar ${value.hint}`}`;
}

const LINE_WIDTH = 79;

/** Running text, with nothing in it that the formatter would act on; what stands in back-ticks is set as typed. */
function text(sentence: string): string {
  const escaped = sentence
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/`([^`]*)`/g, "\\fB$1\\fR");
  const lines: string[] = [];
  for (const word of escaped.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= LINE_WIDTH) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(/^[.']/.test(word) ? `\\&${word}` : word);
  }
  return lines.join("\n");
}

function capital(sentence: string): string {
  return /^(?!https )[a-z]+[ ,;]/.test(sentence) ? `${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}` : sentence;
}

function formatDate(date: Date): string {
  return new Intl.DateTimeFormat("en-US", { dateStyle: "long", timeZone: "UTC" }).format(date);
}
