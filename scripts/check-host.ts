import { canBoot } from "../test/support/booted-host.ts";
import { runSteps } from "./steps.ts";

/** `npm run test:host`: the tests that boot a systemd host, as root. Where they cannot run, CI fails and others are told why. */
const TEST_TIMEOUT_MS = 300_000;

const obstacle = canBoot();
if (obstacle !== undefined) {
  console.log(`not run: the tests on booted hosts, as ${obstacle}`);
  process.exit(process.env["CI"] === "true" ? 1 : 0);
}

const { failed } = await runSteps([
  {
    name: "tests on booted hosts",
    kind: "tests",
    // The pattern of bunfig.toml keeps them out of `bun test`: an empty one lets them in.
    argv: [process.execPath, "test", "--path-ignore-patterns=", `--timeout=${TEST_TIMEOUT_MS}`, "test/booted"],
  },
]);
process.exit(failed === 0 ? 0 : 1);
