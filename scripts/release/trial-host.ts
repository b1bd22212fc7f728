import { copyFileSync, cpSync, mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { type Cluster, enableFrom, startCluster } from "../../test/booted/support/cluster.ts";
import {
  FIPS_PACKAGES,
  fipsConfig,
  installModule,
  OPENSSL_CONFIG,
  setKernelFlag,
} from "../../test/booted/support/fips-mode.ts";
import { type BootedHost, bootHost } from "../../test/support/booted-host.ts";
import type { ReleasePlan } from "./release-plan.ts";
import type { Variant } from "./variants.ts";

/** Where a host of a trial has the artefacts. */
export const PLACE = "/srv/release";

/** The version of Teleport that the cluster of a trial wants. */
const TELEPORT = "18.1.0";
const AUTHORITY = "/usr/local/share/ca-certificates/site.crt";
/** There is no kernel for the programs of the other processor. */
const EMULATOR = ["/srv/qemu-aarch64-static", "-L", "/srv/arm64"];

/** A cluster that has releases for all variants. */
export function startTrialCluster({ variants }: Pick<ReleasePlan, "variants">): Promise<Cluster> {
  const [first = {}, ...others] = variants.map(({ architecture, isFips }) => ({
    architecture,
    flags: isFips ? (["Enterprise", "FIPS"] as const) : [],
  }));
  const offer = (release: typeof first) => ({ ...release, version: TELEPORT });
  return startCluster([offer(first), ...others.map(offer)]);
}

/** The words of an enrolment with that cluster, whose releases no publisher has signed. */
export function enableWords(cluster: Cluster, { trustedKeys }: Pick<ReleasePlan, "trustedKeys">): string[] {
  return [...enableFrom(cluster), ...(trustedKeys.length > 0 ? ["--insecure-skip-signature"] : [])];
}

/** A new Debian with these artefacts of the release, which trusts the cluster; one that has a FIPS module where it is needed. */
export async function bootTrialHost(
  cluster: Cluster,
  { isFips }: Variant,
  { artefacts, packages }: { artefacts: readonly string[]; packages: readonly string[] },
): Promise<BootedHost> {
  const host = await bootHost({
    ...(isFips ? { suite: "trixie", packages: [...packages, ...FIPS_PACKAGES] } : { packages }),
    files: { [AUTHORITY]: cluster.ca },
    beforeBoot(directory) {
      mkdirSync(join(directory, PLACE), { recursive: true });
      for (const path of artefacts) copyFileSync(path, join(directory, PLACE, basename(path)));
      copyFileSync("/usr/bin/qemu-aarch64-static", join(directory, EMULATOR[0] ?? ""));
      cpSync("/usr/aarch64-linux-gnu", join(directory, EMULATOR.at(-1) ?? ""), { recursive: true });
    },
  });
  await must(host, "update-ca-certificates");
  return host;
}

/**
 * Enrolls the host with the program at `path`, where it is for its processor: then `afterwards` is run, the agent has to come up, and
 * the timer's run has to pass. Else it enrolls an image. Answers what the program calls itself.
 */
export async function enroll(
  host: BootedHost,
  cluster: Cluster,
  { architecture, isFips }: Variant,
  { path, trustedKeys, afterwards = ":" }: Pick<ReleasePlan, "trustedKeys"> & { path: string; afterwards?: string },
): Promise<string> {
  const program = architecture === "arm64" ? [...EMULATOR, path].join(" ") : path;
  const enable = `${program} ${enableWords(cluster, { trustedKeys }).join(" ")}`;
  if (isFips) {
    await expectRefusal(host, enable);
    await enterFipsMode(host);
  }
  const version = await must(host, `${program} version`);
  if (architecture === "arm64") {
    await must(host, `mkdir /srv/image && ${enable} --root /srv/image --arch arm64 --ca-file ${AUTHORITY}`);
    await must(host, `test -x /srv/image/opt/teleport/default/versions/${TELEPORT}*/bin/teleport`);
  } else {
    await must(host, enable);
    await must(host, afterwards);
    await expectUpdated(host);
  }
  return version.trimEnd().replaceAll("\n", "; ");
}

/** An enrolled host starts the agent of the cluster's version, and its timer's run finds nothing to do. */
export async function expectUpdated(host: BootedHost): Promise<void> {
  await must(host, "systemctl enable --now teleport && systemctl start teleport-update.service");
  await must(host, "systemctl is-active teleport teleport-update.timer");
  const agent = await must(host, "teleport version");
  if (!agent.includes(`v${TELEPORT} `)) throw new Error(`the host runs another agent:\n${agent}`);
}

/** Puts a host that has the packages for it into FIPS mode: its kernel says so, and its OpenSSL has the module alone. */
export async function enterFipsMode(host: BootedHost): Promise<void> {
  await setKernelFlag(host, "1");
  await installModule(host);
  await host.writeFile(OPENSSL_CONFIG, fipsConfig());
}

/** Runs a script as root of the host, and answers what it said; fails with all of that when it does. */
export async function must(host: BootedHost, script: string): Promise<string> {
  const { exitCode, stdout, stderr } = await host.exec(["sh", "-euc", script]);
  if (exitCode !== 0) throw new Error(`\`${script}\` exited ${exitCode} on the host:\n${stdout}${stderr}`);
  return stdout;
}

/** The FIPS variant changes nothing before the host is in FIPS mode. */
async function expectRefusal(host: BootedHost, enable: string): Promise<void> {
  const { exitCode, stderr } = await host.exec(["sh", "-c", enable]);
  if (exitCode !== 1 || !stderr.includes("E_FIPS"))
    throw new Error(`it works outside FIPS mode (${exitCode}):\n${stderr}`);
}
