import { hostFiles } from "../../src/platform/host-files.ts";
import { verifyVersion } from "../../src/release/verify-version.ts";
import { namespaceFor } from "../../src/settings/namespace.ts";

const { versions } = namespaceFor("");

/**
 * What is wrong with the versions that lie in a tree: each file must be there with the digest that was written down when it
 * was installed. Reads them all, so it is for the end, where `brokenPromises` looks at every instant.
 */
export async function damagedVersions(root: string): Promise<string[]> {
  const files = hostFiles(root);
  const problems: string[] = [];
  for (const name of files.list(versions) ?? []) {
    const verdict = await verifyVersion(files, `${versions}/${name}`, new AbortController().signal);
    if (verdict.state === "damaged") problems.push(...verdict.problems.map((problem) => `${name}: ${problem}`));
  }
  return problems;
}
