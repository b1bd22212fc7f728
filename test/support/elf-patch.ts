/**
 * Two lies that an ELF program can tell about the host it needs. Both answer a changed copy of a 64-bit little-endian
 * program; the field names are those of `elf.h`.
 */

const MACHINES = { amd64: 62, arm64: 183 } as const;
export type Architecture = keyof typeof MACHINES;
export const ARCHITECTURES = ["amd64", "arm64"] as const satisfies readonly Architecture[];

export const HOST_ARCHITECTURE: Architecture = process.arch === "arm64" ? "arm64" : "amd64";

/** The same program, said to be for `architecture`. */
export function withArchitecture(program: Buffer, architecture: Architecture): Buffer {
  const patched = Buffer.from(program);
  patched.writeUInt16LE(MACHINES[architecture], 18);
  return patched;
}

/**
 * The same program, but the newest version of glibc that it needs is said to be 2.99. Fails for a static program. The
 * loader compares hashes and names, so both are changed.
 */
export function withNewerGlibc(program: Buffer): Buffer {
  const patched = Buffer.from(program);
  const newest = glibcNeeds(patched)
    .sort((a, b) => compareVersions(a.name, b.name))
    .at(-1);
  const wanted = "GLIBC_2.99";
  if (newest === undefined || newest.name.length < wanted.length) throw new Error("no need of glibc to patch");
  patched.write(`${wanted}\0`, newest.nameOffset, "latin1");
  patched.writeUInt32LE(elfHash(wanted), newest.hashOffset);
  return patched;
}

interface GlibcNeed {
  name: string;
  nameOffset: number;
  hashOffset: number;
}

const SHT_GNU_VERNEED = 0x6ffffffe;

function glibcNeeds(elf: Buffer): GlibcNeed[] {
  const needs: GlibcNeed[] = [];
  const sections = readSections(elf);
  const table = sections.find(({ type }) => type === SHT_GNU_VERNEED);
  const strings = table && sections[table.link];
  if (!table || !strings) return [];
  for (let need = table.offset, left = table.info; left > 0; left--, need += elf.readUInt32LE(need + 12)) {
    let aux = need + elf.readUInt32LE(need + 8);
    for (let auxLeft = elf.readUInt16LE(need + 2); auxLeft > 0; auxLeft--, aux += elf.readUInt32LE(aux + 12)) {
      const nameOffset = strings.offset + elf.readUInt32LE(aux + 8);
      const name = elf.toString("latin1", nameOffset, elf.indexOf(0, nameOffset));
      if (/^GLIBC_\d/.test(name)) needs.push({ name, nameOffset, hashOffset: aux });
    }
  }
  return needs;
}

function readSections(elf: Buffer) {
  const start = Number(elf.readBigUInt64LE(40));
  const bytes = elf.readUInt16LE(58);
  return Array.from({ length: elf.readUInt16LE(60) }, (_, index) => {
    const at = start + index * bytes;
    return {
      type: elf.readUInt32LE(at + 4),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      link: elf.readUInt32LE(at + 40),
      info: elf.readUInt32LE(at + 44),
    };
  });
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

/** The hash of the System V ABI. */
function elfHash(name: string): number {
  let hash = 0;
  for (const character of Buffer.from(name, "latin1")) {
    hash = ((hash << 4) + character) >>> 0;
    const high = (hash & 0xf0000000) >>> 0;
    hash = (hash ^ (high >>> 24) ^ high) >>> 0;
  }
  return hash;
}
