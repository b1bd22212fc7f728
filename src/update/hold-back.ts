import type { World } from "../platform/world.ts";
import { CHECKSUM_LIMIT } from "../release/checksum.ts";
import { publishedAt } from "../release/published.ts";
import type { UpdaterOptions } from "../settings/options.ts";
import type { Revision } from "../settings/revision.ts";
import { type HeldBack, heldBack } from "./decide-limits.ts";
import type { WantedRelease } from "./wanted-release.ts";

interface Move {
  target: Revision;
  active: Revision;
  options: UpdaterOptions;
}

/** The limit of this host that keeps it from a release; the age of one is asked of its place, and only when it matters. */
export async function findLimit(
  world: World,
  move: Move,
  release: () => Promise<WantedRelease>,
): Promise<HeldBack | undefined> {
  const now = world.clock.now();
  const held = heldBack({ ...move, now, published: undefined });
  if (held?.rule !== "min-age") return held;
  const { source, name } = await release();
  const checksum = await source.readText(`${name}.sha256`, CHECKSUM_LIMIT);
  const published = checksum && (await publishedAt(source, name, checksum));
  return heldBack({ ...move, now, published });
}
