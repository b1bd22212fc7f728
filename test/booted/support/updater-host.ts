import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type BootedHost, bootHost, type HostOptions } from "../../support/booted-host.ts";
import type { ExecOptions, ExecResult } from "../../support/container.ts";
import { executablePath } from "../../support/executable.ts";
import { snapshot } from "../../support/tree.ts";

/** Where the compiled updater lies before it is enrolled: a place that every user may run it from. */
export const UPDATER = "/srv/teleport-update";

/** A booted host with the compiled updater, which trusts the authority of the test. */
export interface UpdaterHost extends BootedHost {
  /** Runs the updater as root. */
  updater(args: readonly string[], options?: ExecOptions): Promise<ExecResult>;
  /** Its stdout, without the last newline; a failure of the program shows in it as its exit code. */
  ask(argv: readonly string[]): Promise<string>;
  /** Every file, link and directory that enrolling may make or change, apart from data directories. */
  footprint(): string[];
}

/** Boots a host, with the updater at `UPDATER` and `authority` in its store of certificate authorities. */
export async function bootUpdaterHost(authority: string, options: HostOptions = {}): Promise<UpdaterHost> {
  const executable = await executablePath();
  const host = await bootHost({
    ...options,
    files: { ...options.files, "/usr/local/share/ca-certificates/test.crt": authority },
    async beforeBoot(directory) {
      mkdirSync(join(directory, "srv"), { recursive: true });
      copyFileSync(executable, join(directory, UPDATER));
      await options.beforeBoot?.(directory);
    },
  });
  const { exitCode, stderr } = await host.exec(["update-ca-certificates"]);
  if (exitCode !== 0) throw new Error(`the host does not take the authority of the test:\n${stderr}`);
  return {
    ...host,
    updater: (args, execOptions) => host.exec([UPDATER, ...args], execOptions),
    async ask(argv) {
      const { exitCode: code, stdout } = await host.exec(argv);
      return stdout.trimEnd() || `exit code ${code}`;
    },
    footprint: () =>
      FOOTPRINT.filter((folder) => existsSync(join(host.directory, folder))).flatMap((folder) =>
        snapshot(join(host.directory, folder)).map((line) => `${folder}${line}`),
      ),
  };
}

const FOOTPRINT = ["/etc/systemd", "/etc/needrestart", "/usr/lib/systemd/system", "/usr/local", "/opt"];
