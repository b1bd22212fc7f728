import type { Namespace } from "../settings/namespace.ts";

/** What enrolls a host that is not, into the namespace that was asked about. */
export function enrollCommand({ suffix }: Pick<Namespace, "suffix">): string {
  return `teleport-update enable${suffix === "" ? "" : ` -i ${suffix}`} --proxy ADDRESS`;
}
