import { READ_VARIABLES, REFUSED_VARIABLES } from "../../src/settings/environment.ts";

/** The page of environment variables, generated: `npm run docs`. */
export const ENVIRONMENT_PAGE = new URL("../../docs/environment.md", import.meta.url).pathname;

export function formatEnvironmentPage(): string {
  return `# Environment variables

Generated from \`src/settings/environment.ts\` by \`npm run docs\`.

Nothing else is read from the environment. A flag on the command line wins over its variable, and an empty value is as good
as none. What stands for a flag of \`enable\` does so for \`pin\` too. Programs that the tool starts get an environment of
their own, never this one.

| variable | flag | meaning |
|---|---|---|
${readRows(false)}

## Between updaters, for tests and repairs

| variable | flag | meaning |
|---|---|---|
${readRows(true)}

## Refused

These are deleted at the start, and a warning names those that were set. The first two act before the program does: the
units written from our own templates unset them, and \`sudo\` must not be told to keep them. \`ALL_PROXY\` is deleted in silence: Go programs do not read it.

| variable | what it would do |
|---|---|
${Object.entries(REFUSED_VARIABLES)
  .map(([name, effect]) => `| \`${name}\` | ${effect} |`)
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
