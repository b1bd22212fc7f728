import { join } from "node:path";
import type { World } from "../platform/world.ts";
import type { Proof, ProofDemands } from "../release/proof.ts";
import { describeProof } from "../release/proof-record.ts";
import type { ReleaseSource } from "../release/source.ts";
import type { MirrorFile, MirrorIndex } from "./index-file.ts";
import { type ChosenSignature, chooseSignature, type SignatureRules } from "./signatures.ts";
import { placeText } from "./tree-files.ts";
import { treeSignature } from "./tree-signature.ts";

/** What lies beside a file so that it is believed: its signature and its checksum. */
export interface ProofFiles {
  directory: string;
  /** Gets what is in place now. */
  index: MirrorIndex;
  demands: Omit<ProofDemands, "pinned">;
  signatures: Pick<SignatureRules, "signer" | "replace">;
  /** Gets the names of signatures that another took the place of. */
  resigned: string[];
}

/** As `chooseSignature`, for a file of the tree that was proven now. */
export async function signatureOf(
  { localFiles: files, log }: Pick<World, "localFiles" | "log">,
  { directory, index, demands, signatures }: ProofFiles,
  { name, source, sha256 }: { name: string; source: ReleaseSource; sha256: string },
): Promise<PlacedSignature | undefined> {
  const keys = demands.skipSignature ? [] : demands.keys;
  const made = index.files[`${name}.sig`];
  const known = index.files[name];
  // One that was put beside an older install script says nothing of a newer one.
  const isOfAnother = made !== undefined && known !== undefined && known.sha256 !== sha256;
  const kept = isOfAnother ? undefined : treeSignature(files, join(directory, `${name}.sig`), made);
  const chosen = await chooseSignature(log, source, { name, sha256, kept }, { ...signatures, keys });
  return chosen && { ...chosen, isReplacing: kept !== undefined && kept.text.trim() !== chosen.text.trim() };
}

interface PlacedSignature extends ChosenSignature {
  /** Another one lies in its place. */
  isReplacing: boolean;
}

/**
 * Puts signature and checksum beside a file that is in its place, the checksum last: who finds it finds all. The index gets both at once, as
 * another run for another file may write it in between.
 */
export async function placeProofFiles(
  { localFiles: files }: Pick<World, "localFiles">,
  { directory, index, resigned }: ProofFiles,
  name: string,
  { proof, signature, entry }: { proof: Proof; signature: PlacedSignature | undefined; entry: ProofEntry },
): Promise<void> {
  const { origin, ...release } = entry;
  const placed: MirrorIndex["files"] = {};
  if (signature !== undefined) {
    const file = { directory, name: `${name}.sig` };
    const text = await placeText(files, file, signature.text, proof.published);
    placed[file.name] = { ...text, ...release, ...(signature.by === "publisher" && { origin }) };
    if (signature.isReplacing) resigned.push(file.name);
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
