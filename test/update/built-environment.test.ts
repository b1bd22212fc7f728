import { afterAll, beforeAll, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { READ_VARIABLES } from "../../src/settings/environment.ts";
import { knownRefusedNames } from "../../src/settings/refused-variables.ts";
import { type Site, startSite } from "../support/site.ts";
import { NAMESPACE, runningHost, type UpdateHost } from "../support/update-host.ts";

// For busy machines: each test installs whole releases.
setDefaultTimeout(60_000);

/** Names that only this test sets; what it needs itself to run is not among them. */
const PLANTED = [...knownRefusedNames().flat(), ...Object.keys(READ_VARIABLES), "HOME", "IFS", "BASH_ENV", "PERL5LIB"]
  .filter((name) => !["TMPDIR", "NO_COLOR"].includes(name))
  .filter((name) => process.env[name] === undefined);

let site: Site;
beforeAll(async () => {
  site = await startSite();
  await site.release({ version: "18.0.0" });
});
afterAll(() => site[Symbol.asyncDispose]());
beforeEach(() => site.takeRequests());

/** Puts a note of the names in its environment before each run of `systemctl`. */
function noteSystemctl(host: UpdateHost): void {
  const program = join(host.root, "usr/bin/systemctl");
  renameSync(program, `${program}.real`);
  const note = `/usr/bin/env -0 | /usr/bin/cut -z -d= -f1 | /usr/bin/tr '\\0' '\\n' >>'${host.root}/run/names'`;
  host.write("/usr/bin/systemctl", `#!/bin/sh\n${note}\nexec '${program}.real' "$@"\n`, 0o755);
}

test("[threat built-environment] the release's setup, and systemctl, get nothing of what this process has", async () => {
  using host = runningHost(site);
  noteSystemctl(host);
  for (const name of PLANTED) process.env[name] = "/nonexistent";
  try {
    await host.enroll({ forceVersion: "18.0.0" });
  } finally {
    for (const name of PLANTED) delete process.env[name];
  }
  expect(PLANTED.length).toBeGreaterThan(40);

  const call = JSON.parse(host.read(`${NAMESPACE.directory}/setup-calls.jsonl`));
  // The last one is the fixture's own: where its host lies.
  expect(call.names.sort()).toEqual(["LANG", "PATH", ...Object.keys(call.environment), "STAND_IN_ROOT"].sort());
  const names = new Set(host.read("/run/names").trim().split("\n"));
  for (const shell of ["PWD", "OLDPWD", "SHLVL", "_"]) names.delete(shell);
  // Those of the setup, which runs it too, are told above.
  expect([...names].filter((name) => !call.names.includes(name))).toEqual([]);
  expect(names.has("PATH")).toBeTrue();
});
