import { ERROR_CODES } from "../../src/platform/errors.ts";

/** The page of error codes, generated: `npm run docs`. */
export const ERRORS_PAGE = new URL("../../docs/errors.md", import.meta.url).pathname;

export function formatErrorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`);
  return `# Error codes

Generated from \`src/platform/errors.ts\` by \`npm run docs\`.

A command that fails says so in one line on stderr and exits with 1:

\`\`\`
2030-02-03T04:05:06.789Z ERROR [UPDATER]   command failed error:"…" code:E_NO_SPACE hint:"…"
\`\`\`

With \`--log-format json\` the same line is an object with the keys \`error\`, \`code\` and \`hint\`. A code never changes its
meaning; the words of a message may. Only a command line that cannot be read (\`E_USAGE\`) is answered otherwise: with a
line that begins with \`ERROR:\`, above it the help where a word is not known, below it what to do where a value is no good. A
value that the command itself refuses is such an object under \`--log-format json\`.

| code | meaning |
|---|---|
${rows.join("\n")}
`;
}

if (import.meta.main) await Bun.write(ERRORS_PAGE, formatErrorsPage());
