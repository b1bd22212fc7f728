import { chownSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../support/must.ts";

/** Not squid's own port: a squid of the test machine may have that one on every address. */
const PORT = 23128;
/** Made by the package. */
const USER = "proxy";

/** A real forward proxy, as sites have it. */
export interface Squid extends AsyncDisposable {
  /** For `HTTPS_PROXY`. */
  url: string;
  /** Ends squid, so that it has written all, and answers what it noted: method, destination and outcome of each request. */
  accessLog(): Promise<string[]>;
}

/** Starts squid on `address`; it alone knows the addresses of the `names`. Fails with what it said when it does not come up. */
export async function startSquid(address: string, names: Record<string, string>): Promise<Squid> {
  const folder = mkdtempSync(join(tmpdir(), "squid-"));
  const at = (name: string) => join(folder, name);
  const hosts = Object.entries(names).map(([name, target]) => `${target} ${name}\n`);
  writeFileSync(at("hosts"), hosts.join(""));
  writeFileSync(
    at("squid.conf"),
    `http_port ${address}:${PORT}
http_access allow all
hosts_file ${at("hosts")}
visible_hostname squid.test
cache deny all
logformat short %rm %ru %>Hs
access_log stdio:${at("access.log")} short
cache_log ${at("cache.log")}
coredump_dir ${folder}
pid_filename none
shutdown_lifetime 0 seconds
`,
  );
  chownSync(folder, Number(await must(["id", "-u", USER])), 0);
  const squid = Bun.spawn(
    [
      // As its own user from the start: a process that drops root by itself would outlive a test that is killed.
      ...["setpriv", `--reuid=${USER}`, `--regid=${USER}`, "--clear-groups", "--pdeathsig", "KILL"],
      ...["squid", "-N", "-d", "1", "-f", at("squid.conf")],
    ],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  const stop = async () => {
    squid.kill("SIGTERM");
    await squid.exited;
  };
  try {
    await listening(squid.stderr);
  } catch (error) {
    await stop();
    rmSync(folder, { recursive: true });
    throw error;
  }
  return {
    url: `http://${address}:${PORT}`,
    async accessLog() {
      await stop();
      return readFileSync(at("access.log"), "utf8").trimEnd().split("\n");
    },
    async [Symbol.asyncDispose]() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

async function listening(stderr: ReadableStream<Uint8Array>): Promise<void> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const chunk of stderr.values({ preventCancel: true })) {
    said += decoder.decode(chunk, { stream: true });
    if (said.includes("Accepting HTTP Socket connections")) return;
  }
  throw new Error(`squid did not come up:\n${said}`);
}
