import runtimes from "../runtimes.json" with { type: "json" };
import type { BundledPackage } from "./bundled-packages.ts";

const RULE = "=".repeat(79);

/**
 * `THIRD-PARTY-NOTICES.txt`: what is in the executable besides our own code, each with the whole text of its licence. The notice
 * of the runtime, `bun-notice.txt`, has `@VERSION@` for its version.
 */
export function thirdPartyNotices(packages: readonly BundledPackage[], runtimeNotice: string): string {
  const contents = packages.map(({ name, version, license }) => `  ${name} ${version} (${license})`);
  const texts = packages.map(
    ({ name, version, license, licenseText }) =>
      `${RULE}\n${name} ${version} (${license})\n${RULE}\n\n${licenseText}\n`,
  );
  return `teleport-update contains work of others.

${contents.join("\n")}
  Bun, the runtime, and what is linked into it

${texts.join("\n")}
${RULE}
Bun
${RULE}

${runtimeNotice.trim().replaceAll("@VERSION@", runtimes.version)}
`;
}
