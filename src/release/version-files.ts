/** The digest of every file of a version, in the format of `sha256sum`; written beside the archive's digest. */
export const FILE_LIST = "files.sha256";

/** By what the version was accepted, see `proof.ts`. */
export const PROOF_FILE = "proof.json";
