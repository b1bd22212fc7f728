import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { executablePath } from "../../test/support/executable.ts";
import { advertise } from "../../test/support/proxy-and-cdn.ts";

/** The folder in which the commands of the lab are typed: the updater, a tree that stands for a host, what is served. */
export interface LabFolder extends Disposable {
  path: string;
  releases: string;
  /** What the cluster answers, which `./advertise VERSION` changes. */
  find: string;
  /** Puts a file into the host's `/etc/lab`, for its owner alone; answers how a command names it. */
  hostFile(name: string, content: string): string;
}

export async function makeLabFolder(version: string): Promise<LabFolder> {
  const path = mkdtempSync(join(tmpdir(), "teleport-update-lab-"));
  const find = join(path, "find.json");
  symlinkSync(await executablePath(), join(path, "teleport-update"));
  mkdirSync(join(path, "releases"));
  mkdirSync(join(path, "host/etc/lab"), { recursive: true });
  writeFileSync(join(path, "host/etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  // Programs made without a C compiler need the loader of their system, which this tree has not.
  for (const loader of ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"]) {
    mkdirSync(dirname(join(path, "host", loader)), { recursive: true });
    writeFileSync(join(path, "host", loader), "");
  }
  writeFileSync(find, JSON.stringify(advertise(version)));
  const answer = JSON.stringify(advertise("%s"));
  writeFileSync(join(path, "advertise"), `#!/bin/sh\nprintf '${answer}' "$1" >'${find}'\n`, { mode: 0o755 });
  return {
    path,
    releases: join(path, "releases"),
    find,
    hostFile(name, content) {
      const file = join("host/etc/lab", name);
      writeFileSync(join(path, file), content);
      chmodSync(join(path, file), 0o600);
      return file;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}
