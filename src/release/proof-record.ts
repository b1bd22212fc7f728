import { join } from "node:path";
import { PROGRAM_BUILD, PROGRAM_VERSION } from "../platform/build-info.ts";
import { isUpdateError } from "../platform/errors.ts";
import type { Files } from "../platform/files.ts";
import { PROOF_KINDS, type Proof, type ProofKind } from "./proof.ts";
import { PROOF_FILE } from "./version-files.ts";

/** By what a version was accepted, as it is written down. */
export interface Acceptance {
  by: ProofKind;
  isSignatureSkipped: boolean;
  key: string | undefined;
}

/** What is kept of a proof beside the version, as `proof.json`. */
interface ProofRecord {
  proof: ProofKind;
  sha256: string;
  key?: string;
  place: string;
  accepted: string;
  skipped_signature?: true;
  updater: string;
}

const RECORD_LIMIT = 1 << 16;

/** The text of `proof.json`. */
export function proofRecord(proof: Proof, now: Date): string {
  const record: ProofRecord = {
    proof: proof.by,
    sha256: proof.sha256,
    ...(proof.key === undefined ? {} : { key: proof.key }),
    place: proof.place,
    accepted: now.toISOString(),
    ...(proof.isSignatureSkipped ? { skipped_signature: true } : {}),
    updater: `${PROGRAM_VERSION}-${PROGRAM_BUILD}`,
  };
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

/** For people: `checksum, signature skipped`. */
export function describeProof({ by, isSignatureSkipped }: Pick<Acceptance, "by" | "isSignatureSkipped">): string {
  return isSignatureSkipped ? `${by}, signature skipped` : by;
}

/** True when a proof says more than what was written down, or as much by another key: the old one may be trusted no longer. */
export function isNews(proof: Proof, before: Acceptance): boolean {
  const [now, then] = [PROOF_KINDS.indexOf(proof.by), PROOF_KINDS.indexOf(before.by)];
  return now === then ? proof.key !== before.key : now < then;
}

/** By what the version in `directory` was accepted; undefined when nobody wrote it down, as other updaters do. */
export function readProof(files: Files, directory: string): Acceptance | undefined {
  try {
    const record: unknown = JSON.parse(files.readText(join(directory, PROOF_FILE), RECORD_LIMIT) ?? "{}");
    if (typeof record !== "object" || record === null || !("proof" in record)) return undefined;
    const by = PROOF_KINDS.find((kind) => kind === record.proof);
    const key = "key" in record && typeof record.key === "string" ? record.key : undefined;
    return by && { by, key, isSignatureSkipped: "skipped_signature" in record };
  } catch (error) {
    if (error instanceof SyntaxError || isUpdateError(error, "E_UNREADABLE_FILE")) return undefined;
    throw error;
  }
}
