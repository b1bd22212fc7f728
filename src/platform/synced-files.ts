import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  renameSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { systemErrorCode } from "./errors.ts";
import { isTrustedOwner } from "./ownership.ts";

/*
 * Writes that are on the disk when they return, or not at all: a synced temporary file beside the path, a rename, and the
 * folder synced after it. Paths here are those of the running kernel.
 */

/**
 * Replaces or makes a file. A new one gets `mode`, an existing one keeps what it has: the new content is ours, so what somebody
 * else has chosen can only take from `mode`, and nothing becomes setuid.
 */
export function replaceFile(at: string, content: string, mode: number): void {
  const kept = lstatSync(at, { throwIfNoEntry: false });
  const temporary = clearedTemporary(at);
  const descriptor = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    0o600,
  );
  try {
    writeAll(descriptor, Buffer.from(content));
    fchmodSync(descriptor, kept?.isFile() ? keptMode(kept, mode) : mode);
    fsyncSync(descriptor);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  } finally {
    closeSync(descriptor);
  }
  renameOrRemove(temporary, at);
}

function keptMode({ uid, mode }: Stats, ours: number): number {
  return isTrustedOwner(uid) ? mode & 0o777 : mode & ours & 0o777;
}

/** Appends to a file, made 0600 when missing. */
export function appendSynced(at: string, text: string): void {
  const isNew = lstatSync(at, { throwIfNoEntry: false }) === undefined;
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  const descriptor = openSync(at, flags, 0o600);
  try {
    writeAll(descriptor, Buffer.from(text));
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
  if (isNew) syncDirectory(dirname(at));
}

/** Sets the permission bits of what lies at `at`; what may be a fifo does not hold us. */
export function changeMode(at: string, mode: number): void {
  const descriptor = openSync(at, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    fchmodSync(descriptor, mode);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Buffer): void {
  for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset);
}

/** Puts a temporary file or link in its place, or removes it when that fails. */
export function renameOrRemove(temporary: string, at: string): void {
  try {
    renameSync(temporary, at);
  } catch (error) {
    unlinkSync(temporary);
    throw error;
  }
  syncDirectory(dirname(at));
}

/**
 * In the same directory, so that the rename is atomic and a security label is inherited (installer-systemd §1.9). One name
 * for each path: what a killed run left is in the way of the next write to the path, or of its undo, and goes with it.
 */
export function temporaryBeside(at: string): string {
  return join(dirname(at), `.${basename(at)}.teleport-update`);
}

/** True for a name that `temporaryBeside` gives: what a run that was cut off left there is nobody's. */
export function isTemporary(name: string): boolean {
  return /^\..+\.teleport-update$/.test(name);
}

/** The temporary name beside `at`, with nothing there any more. */
export function clearedTemporary(at: string): string {
  const temporary = temporaryBeside(at);
  unlessMissing(() => unlinkSync(temporary));
  return temporary;
}

/** Makes names in a directory last. */
export function syncDirectory(at: string): void {
  const descriptor = openSync(at, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Undefined where there is nothing; below a file (ENOTDIR) there is nothing either. */
export function unlessMissing<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(error) ?? "")) return undefined;
    throw error;
  }
}
