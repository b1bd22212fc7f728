import { type ErrorCode, systemErrorCode, UpdateError } from "./errors.ts";

const SYSTEM_ERRORS: Record<string, [code: ErrorCode, reason: string, hint: string]> = {
  ENOSPC: ["E_NO_SPACE", "no space left on the file system", "free some space and run the command again"],
  EDQUOT: ["E_NO_SPACE", "the disk quota is used up", "raise the quota or free some space, and run the command again"],
  EROFS: [
    "E_IO",
    "the file system is read-only",
    "remount it read-write, or choose another place with `--path` or `--install-dir`",
  ],
  EIO: [
    "E_IO",
    "the disk failed to read or write",
    "read what the kernel says about the disk: `dmesg --level=err,warn`",
  ],
  EACCES: [
    "E_IO",
    "permission denied",
    "run the command as root, or as the user whose it is; look for a mandatory access rule in `journalctl -t audit`",
  ],
  EPERM: ["E_IO", "operation not permitted", "run the command as root; look for the immutable flag with `lsattr`"],
  ENOENT: ["E_IO", "its folder is missing, or nothing can be made in it", "make the folder, or name another place"],
  ENOTDIR: ["E_IO", "one of its parents is not a directory", "move that file away"],
  EEXIST: ["E_IO", "something else of that name is there", "look at it, and move it away, or name another place"],
  EISDIR: ["E_IO", "there is a directory of that name", "move the directory away"],
  ELOOP: [
    "E_UNREADABLE_FILE",
    "it is a symbolic link, or a chain of too many",
    "replace the link by what it should point to",
  ],
  EXDEV: ["E_IO", "it lies on another file system", "keep the install directory on one file system"],
};

/** Runs `action`; what the operating system says against it becomes an error that names verb, path, reason and remedy. */
export function attempt<T>(verb: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw pathError(verb, path, error);
  }
}

/** As `attempt`, for an asynchronous `action`. */
export async function attemptAsync<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw pathError(verb, path, error);
  }
}

/** What the operating system said against `verb` on `path`, as an error with reason and remedy; an `UpdateError` stays as it is. */
export function pathError(verb: string, path: string, error: unknown): UpdateError {
  if (error instanceof UpdateError) return error;
  const known = SYSTEM_ERRORS[systemErrorCode(error) ?? ""];
  if (known === undefined)
    return new UpdateError("E_IO", `cannot ${verb} \`${path}\`: ${String(error)}`, { cause: error });
  const [code, reason, hint] = known;
  return new UpdateError(code, `cannot ${verb} \`${path}\`: ${reason}`, { hint, cause: error });
}
