/** Of the machine, in the words of Debian and of rpm. */
export const ARCHITECTURES = { amd64: "x86_64", arm64: "aarch64" } as const;
export type Architecture = keyof typeof ARCHITECTURES;

/** One package to make. */
export interface PackagePlan {
  packageName: string;
  /** The version as both formats sort it: `1.0.0~rc.1` comes before `1.0.0`. */
  version: string;
  architecture: Architecture;
  isFips: boolean;
  /** Of the commit; every file has this time. */
  date: Date;
  /** Where the files lie as the host is to have them. */
  tree: string;
  /** Where the package goes. */
  folder: string;
  /** For tests: quickly, and larger. */
  isQuick: boolean;
}
