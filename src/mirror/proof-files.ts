import { join } from "node:path";
import type { World } from "../platform/world.ts";
import type { Proof, ProofDemands } from "../release/proof.ts";
import { describeProof } from "../release/proof-record.ts";
import type { ReleaseSource } from "../release/source.ts";
import type { MirrorFile, MirrorIndex } from "./index-file.ts";
import { type ChosenSignature, chooseSignature, keptSignature, type SignatureRules } from "./signatures.ts";
import { placeText } from "./tree-files.ts";

/** What lies beside a file so that it is believed: its signature and its checksum. */
export interface ProofFiles {
  directory: string;
  /** Gets what is in place now. */
  index: MirrorIndex;
  demands: Omit<ProofDemands, "pinned">;
  signatures: Pick<SignatureRules, "signer" | "replace">;
}

/** As `chooseSignature`, for a file of the tree that was proven now. */
export async function signatureOf(
  { localFiles: files }: Pick<World, "localFiles">,
  { directory, index, demands, signatures }: ProofFiles,
  { name, source, sha256 }: { name: string; source: ReleaseSource; sha256: string },
): Promise<ChosenSignature | undefined> {
  const keys = demands.skipSignature ? [] : demands.keys;
  const place = join(directory, `${name}.sig`);
  const made = index.files[`${name}.sig`];
  // A signature of an older install script says nothing of a newer one.
  const text = made && index.files[name]?.sha256 === sha256 ? keptSignature(files, place, made) : undefined;
  const kept = text === undefined ? undefined : ({ text, place, by: made?.origin ? "publisher" : "site" } as const);
  return chooseSignature(source, { name, sha256, kept }, { ...signatures, keys });
}

/**
 * Puts signature and checksum beside a file that is in its place, the checksum last: who finds it finds all. The index gets both at once, as
 * another run for another file may write it in between.
 */
export async function placeProofFiles(
  { localFiles: files }: Pick<World, "localFiles">,
  { directory, index }: ProofFiles,
  name: string,
  { proof, signature, entry }: { proof: Proof; signature: ChosenSignature | undefined; entry: ProofEntry },
): Promise<void> {
  const { origin, ...release } = entry;
  const placed: MirrorIndex["files"] = {};
  if (signature !== undefined) {
    const file = { directory, name: `${name}.sig` };
    const text = await placeText(files, file, signature.text, proof.published);
    placed[file.name] = { ...text, ...release, ...(signature.by === "publisher" && { origin }) };
  }
  const file = { directory, name: `${name}.sha256` };
  const text = `${proof.sha256}  ${name}\n`;
  placed[file.name] = { ...(await placeText(files, file, text, proof.published)), ...release };
  Object.assign(index.files, placed);
}

/** What the index says of a file and of those beside it. */
export type ProofEntry = Pick<MirrorFile, "release"> & Required<Pick<MirrorFile, "origin">>;

/** Where a file came from, and by what it was believed there. */
export function originOf(proof: Proof, now: Date): NonNullable<MirrorFile["origin"]> {
  const { place, key } = proof;
  return { place, proof: describeProof(proof), ...(key !== undefined && { key }), fetched: now.toISOString() };
}
