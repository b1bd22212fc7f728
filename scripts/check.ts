import { runSteps, type Step } from "./steps.ts";

/** `npm test`: every check that needs no root. */
const bun = process.execPath;
const tool = (name: string, ...args: string[]) => [bun, "--bun", `node_modules/.bin/${name}`, ...args] as const;

const steps: Step[] = [
  { name: "format and lint", kind: "program", argv: tool("biome", "check", "--error-on-warnings", ".") },
  { name: "types", kind: "program", argv: tool("tsc", "--noEmit", "-p", ".") },
  {
    name: "types of the FIPS variant",
    kind: "program",
    argv: tool("tsc", "--noEmit", "-p", ".", "--customConditions", "fips"),
  },
  { name: "unused code", kind: "program", argv: tool("knip", "--no-config-hints") },
  { name: "rows of the contract's test matrix", kind: "program", argv: [bun, "scripts/matrix.ts"] },
  // A busy machine stretches a property of a hundred runs, and a test that hangs is caught all the same.
  { name: "tests", kind: "tests", argv: [bun, "test", "--timeout=60000"] },
];

const SHELL_SCRIPTS = ["scripts/bootstrap.sh", "scripts/install/install.sh", ".ci/run"];
const shellcheck = Bun.which("shellcheck");
if (shellcheck !== null) {
  steps.unshift({ name: "shell scripts", kind: "program", argv: [shellcheck, ...SHELL_SCRIPTS] });
} else if (process.env["CI"] === "true") {
  console.log("CI needs shellcheck: `apt-get install shellcheck`");
  process.exit(1);
} else {
  console.log("not checked: shell scripts, as shellcheck is not installed");
}

console.log("not part of this: the tests on booted hosts, `npm run test:host`");
const { failed } = await runSteps(steps);
process.exit(failed === 0 ? 0 : 1);
