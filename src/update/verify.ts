import { UpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import type { World } from "../platform/world.ts";
import { describeProof, readProof } from "../release/proof-record.ts";
import { listVersions } from "../release/store.ts";
import { type Verdict, verifyVersion } from "../release/verify-version.ts";
import { type Namespace, versionDirectory } from "../settings/namespace.ts";
import { formatRevision, type Revision, sameRevision } from "../settings/revision.ts";
import { readUpdateConfig } from "../settings/update-config-read.ts";

/** What is known of one installed version. */
export interface VersionReport {
  version: string;
  /** What `update.yaml` names it; undefined for one that is only left over. */
  role: "active" | "backup" | undefined;
  /** By what it was accepted; undefined when nobody wrote it down. */
  proof: string | undefined;
  verdict: Verdict;
}

/**
 * Compares every installed version, file by file, with what was written down when it was installed. Takes no lock, needs no
 * root, writes nothing. Fails with `E_NOT_INSTALLED` when there is no version at all.
 */
export async function verifyInstalled(
  { files, signal }: Pick<World, "files" | "signal">,
  namespace: Namespace,
): Promise<VersionReport[]> {
  const { active, backup } = readUpdateConfig(files, namespace).status;
  const roleOf = (version: Revision) => {
    if (sameRevision(version, active)) return "active";
    return backup !== undefined && sameRevision(version, backup) ? "backup" : undefined;
  };
  const reports: VersionReport[] = [];
  for (const version of listVersions(files, namespace)) {
    const directory = versionDirectory(namespace, version);
    const verdict = await verifyVersion(files, directory, signal);
    const proof = readProof(files, directory);
    reports.push({
      version: formatRevision(version),
      role: roleOf(version),
      proof: proof && describeProof(proof),
      verdict,
    });
  }
  const wanted = [
    { version: active, role: "active" as const },
    ...(backup ? [{ version: backup, role: "backup" as const }] : []),
  ];
  const missing = wanted
    .filter(({ version, role }) => version.version !== "" && reports.every((report) => report.role !== role))
    .map(({ version, role }): VersionReport => {
      const verdict: Verdict = { state: "damaged", problems: ["it is not there"] };
      return { version: formatRevision(version), role, proof: undefined, verdict };
    });
  reports.push(...missing);
  if (reports.length > 0) return reports;
  throw noVersion(files, namespace);
}

/** An image that was made offline is enrolled, and its hosts have no release until their first run. */
function noVersion(files: Files, namespace: Namespace): UpdateError {
  const isEnrolled = files.stat(namespace.config) !== undefined;
  const hint = isEnrolled
    ? "it is enrolled: the first run of its timer, or `teleport-update update` on the host, installs what the cluster advertises"
    : "enroll this host with `teleport-update enable --proxy ADDRESS`";
  return new UpdateError(
    "E_NOT_INSTALLED",
    `no version is installed${isEnrolled ? " yet" : ""} in \`${namespace.versions}\``,
    { hint },
  );
}

/** One line a version, and one more for each of its faults. */
export function formatReports(reports: readonly VersionReport[]): string {
  return reports.map((report) => [formatReport(report), ...problemsOf(report)].join("\n")).join("\n");
}

/** True when a version is not as it was installed. */
export function hasDamage(reports: readonly VersionReport[]): boolean {
  return reports.some(({ verdict }) => verdict.state === "damaged");
}

function formatReport({ version, role, proof, verdict }: VersionReport): string {
  const name = role === undefined ? version : `${version} (${role})`;
  const accepted = proof === undefined ? "" : `, accepted by its ${proof}`;
  switch (verdict.state) {
    case "whole":
      return `${name}: as it was installed, ${verdict.files} files${accepted}`;
    case "unlisted":
      return `${name}: not known, as another updater installed it and kept no digests`;
    case "damaged":
      return `${name}: DAMAGED${accepted}`;
  }
}

function problemsOf({ verdict }: VersionReport): string[] {
  return verdict.state === "damaged" ? verdict.problems.map((problem) => `    ${problem}`) : [];
}
