/**
 * The seam to the file system. Every path is a path of the host that is updated: under `--root DIR` the implementation
 * resolves it inside DIR component by component, so an absolute symlink inside the root never leaves it. What is
 * written into a link or a unit is therefore never prefixed.
 *
 * Calls are synchronous (they are small); bulk data (archives) goes through `release/`, on paths from `real`.
 * A missing file is `undefined`, never an exception. Everything else fails with an `UpdateError` that names the path.
 */
export interface Files {
  /** `/`, or the directory given by `--root`. */
  readonly root: string;

  /** Where `path` lies for the running kernel: its parents resolved inside the root, its last name not followed. */
  real(path: string): string;
  /** Where `path` lies for the running kernel once every link, the last included, is followed inside the root. */
  realFollowed(path: string): string;

  /** What lies at `path` itself; a symlink is not followed. */
  stat(path: string): FileStat | undefined;
  /** What lies at the end of the links at `path`; undefined when missing or dangling. */
  statFollowed(path: string): FileStat | undefined;
  /** The target as written, or undefined when `path` is missing or not a symlink. */
  readLink(path: string): string | undefined;
  /** The names in a directory, sorted, or undefined when there is none. */
  list(path: string): string[] | undefined;
  /** The content of a regular file of fewer than `limit` bytes (links followed), or undefined when missing. */
  readText(path: string, limit: number, notText?: NotText): string | undefined;
  /** As `readText`, for a file that others may plant: no link is followed, nothing blocks. */
  readPlantable(path: string, limit: number, notText?: NotText): string | undefined;
  /** As `readPlantable`, and a file that is not of root or of one of `owners` is refused. */
  readPlantableOf(path: string, limit: number, owners: readonly number[]): string | undefined;
  /** As `readPlantable`, for a file of ours: one that somebody else made, or may write, is refused. */
  readOwn(path: string, limit: number, notText?: NotText): string | undefined;
  /** As `readOwn`, for a file that an operator named: links are followed, and what lies at their end must be ours. */
  readOwnFollowed(path: string, limit: number, notText?: NotText): string | undefined;
  /** Free bytes for us on the file system that holds `path`, or its nearest existing parent. */
  freeBytes(path: string): number;

  /**
   * Makes `path` and its missing parents; answers the directories that it made, outermost first. A parent that is a link to
   * nothing gets its directory where it leads; one in the place of `path` itself is refused, as it may have been planted.
   */
  makeDirectory(path: string, mode?: number): string[];
  /** Replaces or makes a file through a synced temporary file beside it. An existing file keeps its mode, a new one gets `mode`. */
  writeFile(path: string, content: string, mode?: number): void;
  /** Appends to a file of ours, made 0600 when missing; on the disk when this returns. No link is followed. */
  appendFile(path: string, text: string): void;
  /** Copies a program of the running machine (`source` is not looked up under the root) to `path`, 0755 and synced. */
  copyProgram(source: string, path: string): Promise<void>;
  /** Makes or atomically replaces the symlink at `path` (whatever is there, but a directory). */
  placeLink(path: string, target: string): void;
  /** Renames within one file system, and syncs both parents. */
  rename(from: string, to: string): void;
  /**
   * Makes last what the name `path` stands for now, as a run that was killed may not have come so far, and removes what a
   * killed `writeFile` or `placeLink` left beside it, as every other write at `path` does. A missing directory is fine.
   */
  settle(path: string): void;
  /** Removes a file or link, for good when this returns; a missing one is fine. */
  removeFile(path: string): void;
  /** Removes an empty directory, for good when this returns; answers whether it is gone. */
  removeDirectory(path: string): boolean;
  /** Removes a whole tree, without following links; a missing one is fine. */
  removeTree(path: string): void;
  /** Sets the permission bits, for good when this returns. */
  setMode(path: string, mode: number): void;
}

/**
 * A file that is not UTF-8 is refused, unless the reader says `mark`: then it gets U+FFFD for what is no text. For who
 * looks at ASCII words only, or has a digest of what was written.
 */
export type NotText = "refuse" | "mark";

export type FileKind = "file" | "directory" | "symlink" | "other";

export interface FileStat {
  kind: FileKind;
  /** Permission bits, 0o7777 at most. */
  mode: number;
  size: number;
  owner: number;
  group: number;
  /** Its names: a file with more than one is a hard link, and what is written into it is written under all of them. */
  links: number;
}

/** Contract: mode of written config, unit and checksum files, and of made directories (installer-systemd, constants). */
export const FILE_MODE = 0o644;
export const DIRECTORY_MODE = 0o755;
