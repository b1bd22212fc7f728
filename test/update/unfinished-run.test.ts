import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { journalPath } from "../../src/update/journal-format.ts";
import { linkPackage } from "../../src/update/link-package.ts";
import { Transaction } from "../../src/update/transaction.ts";
import { advertise } from "../support/proxy-and-cdn.ts";
import { type Site, startSite } from "../support/site.ts";
import { layOutPackage, PACKAGE_BIN } from "../support/teleport-package.ts";
import { NAMESPACE, offlineHost, type UpdateHost } from "../support/update-host.ts";
import { updateYaml } from "../support/update-yaml.ts";

/** What a killed run left is told by those who may not undo it, and left to the next one that may. */

let site: Site;
beforeAll(async () => {
  site = await startSite();
  site.server.find = advertise("18.1.0");
});
afterAll(() => site[Symbol.asyncDispose]());

const JOURNAL = journalPath(NAMESPACE);
const INTERRUPTED = "WARN An earlier run was interrupted, or is still going on";

async function interruptedHost(): Promise<UpdateHost> {
  const host = offlineHost(site);
  await layOutPackage(host.root, { version: "18.0.0" });
  host.setConfig(updateYaml(["proxy: PROXY", "path: /usr/local/bin", "enabled: false", "pinned: false"], []));
  host.files.makeDirectory("/etc");
  host.link("/usr/local/bin/tsh", `${PACKAGE_BIN}/tsh`);
  await new Transaction(host.world, { namespace: NAMESPACE, descriptor: 0 }).apply([
    { kind: "file", path: "/etc/new.conf", before: null, after: { content: "new", mode: 0o644 } },
    { kind: "link", path: "/usr/local/bin/tsh", before: `${PACKAGE_BIN}/tsh`, after: null },
  ]);
  return host;
}

const COMMANDS: Record<string, (host: UpdateHost) => Promise<unknown>> = {
  status: (host) => host.status(),
  "link-package": (host) => linkPackage(host.world, { namespace: NAMESPACE }),
};

describe.each(Object.entries(COMMANDS))("`%s`", (name, run) => {
  test("tells of an interrupted run once, and undoes nothing of it", async () => {
    using host = await interruptedHost();
    const before = host.snapshot();
    await run(host);
    expect(host.world.log.lines.filter((line) => line.startsWith(INTERRUPTED))).toHaveLength(1);
    expect(host.snapshot()).toMatchObject({ [JOURNAL]: before[JOURNAL], "/etc/new.conf": "new" });
    if (name === "status") expect(host.snapshot()).toEqual(before);
  });

  test("tells of a journal that cannot be followed, and what to do about it", async () => {
    using host = await interruptedHost();
    writeFileSync(join(host.root, JOURNAL), "damaged\nand more\n");
    await run(host);
    const [line] = host.world.log.lines.filter((said) => said.includes("cannot be followed"));
    expect(line).toContain("line 1 is damaged");
    expect(line).toContain("hint:");
    expect(host.read(JOURNAL)).toBe("damaged\nand more\n");
  });
});

test.if(process.geteuid?.() === 0)("`status` of who is not root says that root can see it", async () => {
  using host = await interruptedHost();
  chmodSync(host.root, 0o755);
  const { seteuid } = process;
  if (seteuid === undefined) throw new Error("Only Linux is meant.");
  seteuid(65_534);
  try {
    await host.status();
  } finally {
    seteuid(0);
  }
  const warnings = host.world.log.lines.filter((line) => line.startsWith("WARN"));
  expect(warnings).toEqual([`${INTERRUPTED}; only root may see more. command:sudo teleport-update status`]);
});
