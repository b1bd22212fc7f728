import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { bootHost, canBoot } from "../../test/support/booted-host.ts";

/** A host to be enrolled: booted for real, or a tree on disk that stands for one. */
export interface DemoHost extends AsyncDisposable {
  description: string;
  /** Where its tree lies on this machine. */
  directory: string;
  isBooted: boolean;
  /** Runs the updater there; its lines go to our terminal. */
  updater(args: readonly string[]): Promise<number>;
  /** Runs another program there, on a booted host only. */
  run(argv: readonly [string, ...string[]]): Promise<string>;
}

/** A booted systemd host when this machine can have one; else a scratch tree, and a line that says why. */
export async function openHost(executable: string, authority: string): Promise<DemoHost> {
  const obstacle = canBoot();
  if (obstacle === undefined) return bootedHost(executable, authority);
  console.log(`No booted host here (${obstacle}): a scratch tree stands for it, seen through \`--root\`.`);
  return scratchHost(executable, authority);
}

async function bootedHost(executable: string, authority: string): Promise<DemoHost> {
  const host = await bootHost({ suite: "bookworm" });
  copyFileSync(executable, join(host.directory, "root/teleport-update"));
  await host.writeFile("/usr/local/share/ca-certificates/demo.crt", authority);
  await host.exec(["update-ca-certificates"]);
  return {
    description: "a booted Debian 12 with systemd",
    directory: host.directory,
    isBooted: true,
    async updater(args) {
      const { exitCode, stdout, stderr } = await host.exec(["/root/teleport-update", ...args]);
      process.stdout.write(stderr + stdout);
      return exitCode;
    },
    async run(argv) {
      const { stdout, stderr } = await host.exec(argv);
      return (stdout + stderr).trimEnd();
    },
    [Symbol.asyncDispose]: () => host[Symbol.asyncDispose](),
  };
}

async function scratchHost(executable: string, authority: string): Promise<DemoHost> {
  const directory = mkdtempSync(join(tmpdir(), "teleport-update-demo-"));
  mkdirSync(join(directory, "etc/ssl/certs"), { recursive: true });
  writeFileSync(join(directory, "etc/machine-id"), "0123456789abcdef0123456789abcdef\n");
  // Programs made without a C compiler need the loader of their system, which this tree has not.
  for (const loader of ["lib64/ld-linux-x86-64.so.2", "lib/ld-linux-aarch64.so.1"]) {
    mkdirSync(dirname(join(directory, loader)), { recursive: true });
    writeFileSync(join(directory, loader), "");
  }
  const caFile = join(directory, "etc/demo-ca.pem");
  writeFileSync(caFile, authority);
  return {
    description: "a scratch tree",
    directory,
    isBooted: false,
    async updater(args) {
      const trust = args[0] === "enable" ? ["--ca-file", caFile] : [];
      const child = Bun.spawn([executable, "--root", directory, ...args, ...trust], {
        stdout: "inherit",
        stderr: "inherit",
      });
      return child.exited;
    },
    run: async () => "",
    async [Symbol.asyncDispose]() {
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
