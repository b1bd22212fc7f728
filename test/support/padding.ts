const BLOCK_BYTES = 8 << 20;
/** Tuned, with the lengths below, so that gzip's fastest level makes the padding about 3.8 times smaller. */
const WORDS = 704;

/**
 * `bytes` of padding in pieces of at most 1 MiB, always the same: short words from a small dictionary, the frequent
 * ones more often, as machine code has them. gzip looks back 32 KiB, so the repeated block costs as much as a new one.
 */
export function* padding(bytes: number): Generator<Buffer> {
  block ??= makeBlock();
  for (let done = 0; done < bytes; ) {
    const start = done % BLOCK_BYTES;
    const piece = block.subarray(start, start + Math.min(1 << 20, bytes - done));
    done += piece.length;
    yield piece;
  }
}

let block: Buffer | undefined;

function makeBlock(): Buffer {
  const random = xorshift(0x2545f491);
  const words = Array.from({ length: WORDS }, () =>
    Buffer.from(Array.from({ length: 4 + random(21) }, () => random(256))),
  );
  const made = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; at < BLOCK_BYTES; ) {
    const word = words[Math.floor((random(WORDS) * random(WORDS)) / WORDS)];
    if (word) at += word.copy(made, at);
  }
  return made;
}

/** Whole numbers below `limit` from a fixed seed, so that the same release is made byte by byte again. */
function xorshift(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 7) % limit;
  };
}
