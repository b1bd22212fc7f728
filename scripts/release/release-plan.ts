import type { P256Signer } from "../../src/platform/p256-signer.ts";
import type { Variant } from "./variants.ts";

/** What every step of a release knows. */
export interface ReleasePlan {
  version: string;
  /** As `version` of the executable prints it. */
  commit: string;
  /** Of the commit; every file in an archive has this time. */
  date: Date;
  /** All of them, but in a trial. */
  variants: readonly Variant[];
  /** Where the artefacts go, absolute; empty at first. */
  folder: string;
  /** The https URL where the tarballs will be, for the install script; empty when only mirrors will have them. */
  place: string;
  /** Files of public keys that the executables trust releases of, absolute. */
  trustedKeys: readonly string[];
  signer: P256Signer | undefined;
}
