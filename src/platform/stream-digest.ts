/** A digest of bytes that come in parts. */
export interface StreamDigest {
  /** To be awaited before the next part, and before the part is changed. */
  update(part: Uint8Array): void | Promise<void>;
  /** Lower-case hex; ends the digest. */
  hex(): string | Promise<string>;
}

/** A digest of a file that is written in one go: of the parts as they pass, or of the file once it is there. */
export interface WrittenDigest {
  wrote(part: Uint8Array): void;
  /** Lower-case hex, to be asked for once `path` has all that was written; ends the digest. */
  hex(path: string): string | Promise<string>;
}

/** SHA-256 by the runtime's native code, at more than 1 GB/s where the processor has instructions for it. */
export function streamSha256(): StreamDigest {
  const hasher = new Bun.CryptoHasher("sha256");
  return {
    update: (part) => void hasher.update(part),
    hex: () => hasher.digest("hex"),
  };
}

/** SHA-256 of what passes, so that nothing is read again. */
export function writtenSha256(): WrittenDigest {
  const { update, hex } = streamSha256();
  return { wrote: update, hex };
}
