import { READ_VARIABLES } from "../../src/settings/environment.ts";
import { REFUSED_VARIABLES } from "../../src/settings/refused-variables.ts";

/** The page of environment variables, generated: `npm run docs`. */
export const ENVIRONMENT_PAGE = new URL("../../docs/environment.md", import.meta.url).pathname;

export function formatEnvironmentPage(): string {
  return `# Environment variables

Generated from \`src/settings/environment.ts\` by \`npm run docs\`.

Nothing else is read from the environment. A flag on the command line wins over its variable, and an empty value is as good
as none, but that an empty \`HTTPS_PROXY\` hides one that is kept. What stands for a flag of \`enable\` does so for \`pin\`
too. Programs that the tool starts get an environment of their own, never this one.

| variable | flag | meaning |
|---|---|---|
${readRows(false)}

## Between updaters, for tests and repairs

| variable | flag | meaning |
|---|---|---|
${readRows(true)}

## Refused

\`*\` stands for any ending. These are deleted at the start, and a warning names those that were set. That comes too late for
many of them: \`BUN_OPTIONS\`, \`BUN_BE_BUN\`, \`BUN_BYTECODE_*\`, \`BUN_JSC_*\` and \`LD_*\` act before the program does, and
what the system's library has read is not unread. So the updater's unit unsets them, whoever wrote it: a unit from our own
templates says so itself, and beside one of the release's own setup lies a drop-in, \`10-teleport-update.conf\`. systemd unsets
whole names only, so both list the names that are known. \`sudo\` must not be told to keep any of them (see
[threat-model.md](threat-model.md#sudo)). \`ALL_PROXY\` is deleted in silence: Go programs do not read it.

| variable | what it would do |
|---|---|
${Object.entries(REFUSED_VARIABLES)
  .map(([name, { effect }]) => `| \`${name}\` | ${effect} |`)
  .join("\n")}
`;
}

function readRows(hidden: boolean): string {
  return Object.entries(READ_VARIABLES)
    .filter(([, variable]) => "hidden" in variable === hidden)
    .map(
      ([name, variable]) =>
        `| \`${name}\` | ${"flag" in variable ? `\`${variable.flag}\`` : ""} | ${variable.meaning} |`,
    )
    .join("\n");
}

if (import.meta.main) await Bun.write(ENVIRONMENT_PAGE, formatEnvironmentPage());
