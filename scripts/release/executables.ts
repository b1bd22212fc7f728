import { hostFiles } from "../../src/platform/host-files.ts";
import { readElf } from "../../src/release/elf.ts";
import { isNewerGlibc } from "../../src/release/glibc.ts";
import { withRandomAccess } from "../../src/release/random-access.ts";
import { executableOf, type Variant } from "./variants.ts";

/** The oldest glibc that an executable of ours may ask for: that of RHEL 7 and Debian 8. */
export const GLIBC_FLOOR = "2.17";

/** The newest glibc that the executable of a variant asks for. Fails when that is above the floor, or when it is for another machine. */
export function neededGlibc(variant: Variant): string {
  const path = executableOf(variant);
  const elf = withRandomAccess(hostFiles("/"), `${process.cwd()}/${path}`, readElf);
  if (elf?.machine !== variant.architecture) throw new Error(`\`${path}\` is for ${elf?.machine ?? "no machine"}`);
  const { neededGlibc: needed = "none" } = elf;
  if (isNewerGlibc(needed, GLIBC_FLOOR))
    throw new Error(`\`${path}\` needs glibc ${needed}, and ${GLIBC_FLOOR} is promised`);
  return needed;
}
